"""A field that a command does not know is refused by every command there is, and nothing is done."""

import re
from typing import Any

import httpx2
import pytest

from infrastructure.postgres import Pool
from tests.command_api.scenario import (
    API,
    assert_error,
    lease_one,
    nothing_written,
    register_agent,
    send_json,
    submit_task,
)
from tests.command_api.test_documentation import COMMANDS

UNKNOWN = "01a1ff4e-7a00-7000-8000-00000000000b"
WITHOUT_FIELDS = {
    ("post", "/agents/{agent_id}/resume"),
    ("post", "/tasks/{task_id}/retry"),
    ("post", "/budgets/{budget_id}/remove"),
    ("post", "/dead-letters/{dead_letter_id}/retry"),
}


async def make_things(client: httpx2.AsyncClient) -> tuple[dict[str, str], str]:
    """Return ids of things that are there for commands to change, and the token of the task's lease."""
    agent_id = (await register_agent(client))["agent_id"]
    await client.post(f"{API}/agents/{agent_id}/pause")
    await register_agent(client, "reader")
    await submit_task(client, "reader", context_id="c-1")
    lease = await lease_one(client, "reader")
    budget = (await client.post(f"{API}/budgets", json={"scope": "workspace", "amount": "10"})).json()
    ids = {"agent_id": agent_id, "task_id": lease["task_id"], "budget_id": budget["budget_id"], "context_id": "c-1"}
    return ids, str(lease["lease_token"])


async def test_an_unknown_field_is_refused_by_every_command(
    command_client: httpx2.AsyncClient, store: Pool, subtests: pytest.Subtests
) -> None:
    ids, token = await make_things(command_client)
    async with nothing_written(store):
        for method, path in sorted(COMMANDS):
            target = re.sub(r"\{(\w+)\}", lambda name: ids.get(name[1], UNKNOWN), path)
            with subtests.test(f"{method} {path}"):
                headers = {"Lease-Token": token}
                answer = await send_json(command_client, target, {"colour": "red"}, method.upper(), **headers)
                assert_error(answer, 422, "invalid_request", path="body.colour")


async def test_what_stands_in_the_query_is_refused_by_every_command(
    command_client: httpx2.AsyncClient, store: Pool, subtests: pytest.Subtests
) -> None:
    ids, token = await make_things(command_client)
    async with nothing_written(store):
        for method, path in sorted(COMMANDS):
            target = re.sub(r"\{(\w+)\}", lambda name: ids.get(name[1], UNKNOWN), path)
            with subtests.test(f"{method} {path}"):
                headers = {"Lease-Token": token}
                answer = await send_json(command_client, f"{target}?colour=red&dry", {}, method.upper(), **headers)
                assert_error(answer, 422, "invalid_request", path="query.colour")


@pytest.mark.parametrize("body", [[], "text", 5, False, [{}]])
async def test_a_command_without_fields_takes_no_other_body_either(
    command_client: httpx2.AsyncClient, store: Pool, body: object
) -> None:
    ids, _ = await make_things(command_client)
    async with nothing_written(store):
        answer = await send_json(command_client, f"/agents/{ids['agent_id']}/resume", body)
        assert_error(answer, 422, "invalid_request", path="body")


@pytest.mark.parametrize("content", [b"", b"{}", b"null"])
async def test_a_command_without_fields_is_sent_with_nothing(
    command_client: httpx2.AsyncClient, content: bytes
) -> None:
    ids, _ = await make_things(command_client)
    answer = await send_json(command_client, f"/agents/{ids['agent_id']}/resume", content)

    assert (answer.status_code, answer.json()["status"]) == (200, "active")


async def test_the_document_says_which_commands_have_no_fields(command_client: httpx2.AsyncClient) -> None:
    document: dict[str, Any] = (await command_client.get("/openapi.json")).json()
    without = {
        (method, path.removeprefix(API))
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if path.startswith(API) and "requestBody" not in operation
    }

    assert without == WITHOUT_FIELDS
