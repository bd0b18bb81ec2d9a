"""The OpenAPI document: every command described, its errors typed, and nothing answered that it does not say."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI

from command_api.application import create_application
from infrastructure.settings import Settings
from tests.command_api.scenario import API, assert_error, register_agent

ERROR = "#/components/schemas/ErrorResponse"
LEASED = {
    ("post", f"/tasks/{{task_id}}/{verb}")
    for verb in (
        "heartbeat",
        "progress",
        "artifacts",
        "complete",
        "fail",
        "reject",
        "release",
        "acknowledge-cancel",
        "request-input",
        "approvals",
        "approvals/{approval_id}/use",
    )
}
COMMANDS = {
    ("post", "/agents"),
    ("patch", "/agents/{agent_id}"),
    ("post", "/agents/{agent_id}/pause"),
    ("post", "/agents/{agent_id}/resume"),
    ("post", "/agents/{agent_id}/retire"),
    ("post", "/tasks"),
    ("post", "/tasks/batch"),
    ("post", "/tasks/cancel"),
    ("post", "/contexts/{context_id}/cancel"),
    ("post", "/leases"),
    ("post", "/approvals/{approval_id}/decision"),
    ("post", "/budgets"),
    ("patch", "/budgets/{budget_id}"),
    ("post", "/budgets/{budget_id}/remove"),
    ("post", "/budgets/{budget_id}/resume"),
    ("post", "/dead-letters/{dead_letter_id}/retry"),
    ("post", "/dead-letters/{dead_letter_id}/skip"),
    *{("post", f"/tasks/{{task_id}}/{verb}") for verb in ("cancel", "messages", "input", "retry")},
    *LEASED,
}
GARBAGE: list[object] = [None, [], {}, "text", 5, {"name": []}, {"agents": [None], "worker": {}}, {"message": {}}, b"{"]


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path below the prefix, and operation of every command."""
    for path, methods in document["paths"].items():
        if path.startswith(API):
            yield from ((method, path.removeprefix(API), operation) for method, operation in methods.items())


def references(value: object) -> Iterator[str]:
    """Yield every reference in a document."""
    if isinstance(value, dict):
        yield from (item for key, item in value.items() if key == "$ref")
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


@pytest.fixture
async def document(command_client: httpx2.AsyncClient) -> dict[str, Any]:
    response = await command_client.get("/openapi.json")
    assert response.status_code == 200
    loaded: dict[str, Any] = json.loads(response.content)
    return loaded


async def test_the_document_is_whole(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert {(method, path) for method, path, _ in operations(document)} == COMMANDS
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    for reference in set(references(document)):
        target: Any = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
        assert target is not None
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_every_command_is_described(document: dict[str, Any], subtests: pytest.Subtests) -> None:
    for method, path, operation in operations(document):
        with subtests.test(f"{method} {path}"):
            assert operation["summary"]
            assert operation["description"]
            assert operation["tags"]
            assert operation["security"] == [{"apiKey": []}]
            headers = {item["name"] for item in operation["parameters"] if item["in"] == "header"}
            assert {"Idempotency-Key", "X-Correlation-Id", "traceparent"} <= headers
            assert ("Lease-Token" in headers) == ((method, path) in LEASED)


async def test_every_answer_is_typed(document: dict[str, Any], subtests: pytest.Subtests) -> None:
    for method, path, operation in operations(document):
        with subtests.test(f"{method} {path}"):
            answers = {
                int(status): answer["content"]["application/json"]["schema"]["$ref"]
                for status, answer in operation["responses"].items()
            }
            errors = {status for status, schema in answers.items() if schema == ERROR}
            assert {400, 401, 409, 413, 415, 422, 503} <= errors
            assert (404 in errors) == ((method, path) != ("post", "/agents"))
            (success,) = answers.keys() - errors
            assert success in {200, 201}
            assert answers[success].endswith("Receipt")
            for content in [operation["requestBody"]["content"]] if "requestBody" in operation else []:
                assert content.keys() == {"application/json"}


async def test_the_errors_schema_names_all_that_an_error_says(document: dict[str, Any]) -> None:
    body = document["components"]["schemas"]["ErrorBody"]

    assert set(body["properties"]) == {"code", "message", "details", "request_id", "retryable"}
    assert body["additionalProperties"] is False


async def test_whatever_is_sent_is_answered_as_documented(
    command_client: httpx2.AsyncClient, document: dict[str, Any], subtests: pytest.Subtests
) -> None:
    await register_agent(command_client)
    identifier = "01a1ff4e-7a00-7000-8000-00000000000b"
    for method, path, operation in operations(document):
        target = API + re.sub(r"\{\w+\}", identifier, path)
        with subtests.test(f"{method} {path}"):
            for garbage in GARBAGE:
                response = await command_client.request(
                    method,
                    target,
                    content=garbage if isinstance(garbage, bytes) else json.dumps(garbage).encode(),
                    headers={"Content-Type": "application/json", "Lease-Token": "1.x"},
                )
                assert str(response.status_code) in operation["responses"]
                if response.is_error:
                    assert_error(response, response.status_code, response.json()["error"]["code"])
                else:
                    # To cancel a context that has no tasks is to cancel none.
                    assert response.json() == {"canceled": [], "consistency": None}


async def test_production_hides_the_documentation(settings: Settings) -> None:
    application: FastAPI = create_application(settings.model_copy(update={"environment": "production"}))
    async with (
        LifespanManager(application),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=application), base_url="http://bureau") as client,
    ):
        for path in ("/docs", "/redoc", "/openapi.json"):
            assert_error(await client.get(path), 404, "not_found")
        assert (await client.get("/health")).json() == {"status": "ok", "process": "command-api"}
