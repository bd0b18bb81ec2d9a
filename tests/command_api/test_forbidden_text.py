"""U+0000 and lone surrogates: legal in JSON, impossible in the database, refused wherever they stand."""

import httpx2
import pytest

from infrastructure.postgres import Pool
from tests.command_api.scenario import (
    assert_error,
    lease_one,
    nothing_written,
    register_agent,
    send_json,
    submit_task,
    user_message,
)


def agent_message(text: str) -> dict[str, object]:
    return {"message_id": "m", "role": "agent", "parts": [{"text": text}]}


def task(**fields: object) -> dict[str, object]:
    return {"agent": "analyst", "message": user_message(), **fields}


def said_by_clients(bad: str) -> list[tuple[str, dict[str, object], str]]:
    """Return every kind of text of clients' commands: the path, the body, and where the text stands."""
    return [
        ("/agents", {"name": bad}, "body.name"),
        ("/agents", {"name": "a", "card": {"description": bad}}, "body.card.description"),
        ("/agents", {"name": "a", "card": {"skills": [{"id": "s", "name": bad}]}}, "body.card.skills.0.name"),
        ("/agents/{agent}/pause", {"reason": bad}, "body.reason"),
        ("/agents/{agent}/retire", {"reason": bad}, "body.reason"),
        ("/tasks", task(agent=bad), "body.agent"),
        ("/tasks", task(context_id=bad), "body.context_id"),
        ("/tasks", task(message=user_message(bad)), "body.message.parts.0.text"),
        ("/tasks", task(message=user_message(message_id=bad)), "body.message.message_id"),
        ("/tasks", task(message=user_message(parts=[{"raw": bad}])), "body.message.parts.0.raw"),
        ("/tasks", task(message=user_message(parts=[{"url": bad}])), "body.message.parts.0.url"),
        (
            "/tasks",
            task(message=user_message(parts=[{"text": "a", "filename": bad}])),
            "body.message.parts.0.filename",
        ),
        ("/tasks", task(message=user_message(parts=[{"data": [1, {"k": bad}]}])), "body.message.parts.0.data.1.k"),
        ("/tasks", task(message=user_message(parts=[{"data": {bad: 1}}])), "body.message.parts.0.data"),
        ("/tasks", task(message=user_message(extensions=[bad])), "body.message.extensions.0"),
        ("/tasks", task(metadata={"k": bad}), "body.metadata.k"),
        ("/tasks", task(metadata={bad: 1}), "body.metadata"),
        ("/tasks", task(metadata={"k": {bad: {"l": 1}}}), "body.metadata.k"),
        ("/tasks", task(reference_task_ids=[bad]), "body.reference_task_ids.0"),
        ("/tasks", task(**{bad: 1}), "body"),
        ("/tasks/{task}/cancel", {"reason": bad}, "body.reason"),
    ]


def said_by_workers(bad: str) -> list[tuple[str, dict[str, object], str]]:
    """Return every kind of text of workers' commands in the same form."""
    return [
        ("/leases", {"agents": [bad], "worker": "w"}, "body.agents.0"),
        ("/leases", {"agents": ["analyst"], "worker": bad}, "body.worker"),
        ("/tasks/{task}/progress", {"message": agent_message(bad)}, "body.message.parts.0.text"),
        ("/tasks/{task}/progress", {"usage": {"model": bad}}, "body.usage.model"),
        (
            "/tasks/{task}/artifacts",
            {"artifact": {"artifact_id": "a", "name": bad, "parts": [{"text": "a"}]}},
            "body.artifact.name",
        ),
        (
            "/tasks/{task}/artifacts",
            {"artifact": {"artifact_id": "a", "parts": [{"text": bad}]}},
            "body.artifact.parts.0.text",
        ),
        ("/tasks/{task}/complete", {"message": agent_message(bad)}, "body.message.parts.0.text"),
        ("/tasks/{task}/fail", {"code": "c", "reason": bad}, "body.reason"),
        ("/tasks/{task}/fail", {"code": bad, "reason": "r"}, "body.code"),
    ]


@pytest.mark.parametrize(
    "bad", ["\x00", "a\x00b", "\ud800", "a\udfff", "\udc00\ud800"], ids=["nul", "inner-nul", "high", "low", "swapped"]
)
async def test_a_text_that_could_not_be_kept_is_refused_wherever_it_stands(
    command_client: httpx2.AsyncClient, store: Pool, bad: str, subtests: pytest.Subtests
) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]
    task_id = (await submit_task(command_client))["task_id"]
    token = (await lease_one(command_client))["lease_token"]

    async with nothing_written(store):
        for path, body, where in [*said_by_clients(bad), *said_by_workers(bad)]:
            with subtests.test(f"{path} {where}"):
                target = path.format(agent=agent_id, task=task_id)
                response = await send_json(command_client, target, body, **{"Lease-Token": token})
                error = assert_error(response, 422, "forbidden_text", path=where)
                assert {detail["code"] for detail in error["details"]} == {"forbidden_text"}


async def test_every_such_text_of_a_body_is_told(command_client: httpx2.AsyncClient) -> None:
    response = await send_json(command_client, "/tasks", task(metadata={"a": "\x00", "b": ["\ud800", "fine"]}))

    error = assert_error(response, 422, "forbidden_text")
    assert [detail["path"] for detail in error["details"]] == ["body.metadata.a", "body.metadata.b.0"]


async def test_a_backslash_before_a_harmless_word_is_no_escape(command_client: httpx2.AsyncClient) -> None:
    await register_agent(command_client)

    text = "C:\\u0000 is a path, and \\ud800 is another"
    assert (await send_json(command_client, "/tasks", task(message=user_message(text)))).status_code == 201
    assert (await lease_one(command_client))["messages"][0]["parts"] == [{"text": text}]
