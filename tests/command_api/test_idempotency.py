"""A command is carried out once for its key, however often it is sent and wherever an answer is lost."""

import asyncio
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from contracts.streams import Token
from infrastructure.api_keys import new_api_key, store_api_key
from infrastructure.postgres import Pool
from infrastructure.write_store import StoreUnavailableError, Write
from tests.command_api.scenario import (
    API,
    assert_error,
    bearer,
    lease_one,
    nothing_written,
    register_agent,
    replace_ports,
    send_json,
    submit_task,
    take_snapshot,
    user_message,
    work_on,
)

KEY = {"Idempotency-Key": '"k-1"'}
QUESTION = {"message_id": "q-1", "role": "agent", "parts": [{"text": "Which colour?"}]}
TASK = {"agent": "analyst", "message": user_message()}


async def prepare(client: httpx2.AsyncClient) -> list[tuple[str, str, object, dict[str, str]]]:
    """Return one call of every command, each ready to be sent: method, path, body, headers."""
    rule = {"operations": ["pay"], "roles": ["finance"]}
    agent = (await register_agent(client, policy={"approvals": [rule]}))["agent_id"]
    others = [(await register_agent(client, f"other-{number}"))["agent_id"] for number in range(3)]
    await client.post(f"{API}/agents/{others[1]}/pause")
    tasks = [await submit_task(client) for _ in range(11)]
    leases = [await lease_one(client) for _ in tasks]
    waiting = await submit_task(client)
    context = (await submit_task(client))["context_id"]
    artifact = {"artifact": {"artifact_id": "a", "parts": [{"text": "a"}]}}
    works: list[tuple[str, object]] = [
        ("heartbeat", {"lease_seconds": 9}),
        ("progress", {"fraction": 0.1}),
        ("artifacts", artifact),
        ("complete", {}),
        ("fail", {"code": "c", "reason": "r"}),
        ("reject", {"reason": "r"}),
        ("release", {}),
        ("request-input", {"message": QUESTION}),
        ("approvals", {"operation": "pay", "arguments": {}}),
    ]
    canceled = leases.pop()
    await client.post(f"{API}/tasks/{canceled['task_id']}/cancel")
    (asking,) = leases[len(works) :]
    await work_on(client, asking, "request-input", {"message": QUESTION})
    budget = (await client.post(f"{API}/budgets", json={"scope": "context:c", "amount": "5"})).json()["budget_id"]
    return [
        ("POST", "/agents", {"name": "new"}, {}),
        ("PATCH", f"/agents/{agent}", {"policy": {"max_attempts": 9, "approvals": [rule]}}, {}),
        ("POST", f"/agents/{others[0]}/pause", {"reason": "r"}, {}),
        ("POST", f"/agents/{others[1]}/resume", {}, {}),
        ("POST", f"/agents/{others[2]}/retire", {}, {}),
        ("POST", "/tasks", TASK, {}),
        *(
            ("POST", f"/tasks/{lease['task_id']}/{verb}", body, {"Lease-Token": lease["lease_token"]})
            for lease, (verb, body) in zip(leases, works, strict=False)
        ),
        ("POST", f"/tasks/{asking['task_id']}/messages", {"message": user_message("more")}, {}),
        ("POST", f"/tasks/{asking['task_id']}/input", {"message": user_message("red")}, {}),
        ("POST", f"/tasks/{canceled['task_id']}/retry", {}, {}),
        (
            "POST",
            f"/tasks/{canceled['task_id']}/acknowledge-cancel",
            {},
            {"Lease-Token": canceled["lease_token"]},
        ),
        ("POST", "/tasks/batch", {"tasks": [TASK] * 20}, {}),
        ("POST", "/budgets", {"scope": "workspace", "amount": "5"}, {}),
        ("PATCH", f"/budgets/{budget}", {"amount": "6"}, {}),
        ("POST", f"/budgets/{budget}/remove", {}, {}),
        ("POST", "/leases", {"agents": ["analyst"], "worker": "w", "max_tasks": 9}, {}),
        ("POST", f"/tasks/{waiting['task_id']}/cancel", {}, {}),
        ("POST", f"/contexts/{context}/cancel", {}, {}),
        ("POST", "/tasks/cancel", {"state": "working"}, {}),
    ]


async def test_every_command_sent_again_is_answered_as_before_and_writes_nothing(
    command_client: httpx2.AsyncClient, store: Pool, subtests: pytest.Subtests
) -> None:
    for number, (method, path, body, headers) in enumerate(await prepare(command_client)):
        with subtests.test(path.rpartition("/")[2] if path.count("/") > 1 else f"{method} {path}"):
            keyed = headers | {"Idempotency-Key": f'"command-{number}"'}
            first = await send_json(command_client, path, body, method, **keyed)
            assert first.status_code in {200, 201}, first.text
            assert "idempotent-replayed" not in first.headers
            async with nothing_written(store):
                second = await send_json(command_client, path, body, method, **keyed)

            assert (second.status_code, second.content) == (first.status_code, first.content)
            assert second.headers["idempotent-replayed"] == "true"
            for name in ("bureau-consistency", "location", "content-type"):
                assert second.headers.get(name) == first.headers.get(name)


async def test_a_key_in_quotes_is_the_same_as_without(command_client: httpx2.AsyncClient) -> None:
    quoted = await send_json(command_client, "/agents", {"name": "a"}, **{"Idempotency-Key": '"a-key"'})
    bare = await send_json(command_client, "/agents", {"name": "a"}, **{"Idempotency-Key": "a-key"})
    escaped = await send_json(command_client, "/agents", {"name": "b"}, **{"Idempotency-Key": '"a\\\\key"'})

    assert (bare.content, bare.headers["idempotent-replayed"]) == (quoted.content, "true")
    assert "idempotent-replayed" not in escaped.headers


async def test_the_same_key_with_another_request_is_refused(command_client: httpx2.AsyncClient, store: Pool) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]
    assert (await send_json(command_client, "/tasks", TASK, **KEY)).status_code == 201

    async with nothing_written(store):
        for path, body, method in [
            ("/tasks", TASK | {"priority": 6}, "POST"),
            ("/agents", TASK, "POST"),
            (f"/agents/{agent_id}", {"name": "b"}, "PATCH"),
            (f"/agents/{agent_id}/pause", {}, "POST"),
        ]:
            response = await send_json(command_client, path, body, method, **KEY)
            if path == "/agents":
                assert_error(response, 422, "invalid_request")
                continue
            assert_error(response, 422, "idempotency_key_reused")


async def test_the_same_key_with_another_lease_is_refused(command_client: httpx2.AsyncClient) -> None:
    await register_agent(command_client)
    await submit_task(command_client)
    lease = await lease_one(command_client)
    path = f"/tasks/{lease['task_id']}/heartbeat"

    assert (
        await send_json(command_client, path, {}, **KEY, **{"Lease-Token": lease["lease_token"]})
    ).status_code == 200
    other = await send_json(command_client, path, {}, **KEY, **{"Lease-Token": "9.x"})
    assert_error(other, 422, "idempotency_key_reused")


async def test_a_key_belongs_to_who_sends_it(command_client: httpx2.AsyncClient, store: Pool) -> None:
    await register_agent(command_client)
    colleague = new_api_key()
    await store_api_key(store, colleague, workspace_id="default", name="colleague")

    mine = await send_json(command_client, "/tasks", TASK, **KEY)
    theirs = await send_json(command_client, "/tasks", TASK, **KEY, **bearer(colleague))

    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert mine.json()["task_id"] != theirs.json()["task_id"]


async def test_commands_without_a_key_are_each_a_command_of_their_own(command_client: httpx2.AsyncClient) -> None:
    await register_agent(command_client)

    assert (await submit_task(command_client))["task_id"] != (await submit_task(command_client))["task_id"]


async def test_a_refused_command_may_be_sent_again_with_its_key(command_client: httpx2.AsyncClient) -> None:
    assert_error(await send_json(command_client, "/tasks", TASK, **KEY), 404, "agent_not_found")
    await register_agent(command_client)

    response = await send_json(command_client, "/tasks", TASK, **KEY)
    assert response.status_code == 201
    assert "idempotent-replayed" not in response.headers


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/tasks", TASK),
        ("/agents", {"name": "wanted"}),
        ("/agents/{agent_id}/pause", {}),
        ("/leases", {"agents": ["analyst"], "worker": "w"}),
    ],
)
async def test_twenty_at_once_with_one_key_are_one_command(
    command_client: httpx2.AsyncClient, store: Pool, path: str, body: dict[str, Any]
) -> None:
    agent = await register_agent(command_client)
    for _ in range(3):
        await submit_task(command_client)
    before = await take_snapshot(store)

    answers = await asyncio.gather(
        *(send_json(command_client, path.format(**agent), body, **KEY) for _ in range(20)),
    )

    assert {(answer.status_code, answer.content) for answer in answers} == {
        (answers[0].status_code, answers[0].content)
    }
    assert answers[0].status_code in {200, 201}
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    after = await take_snapshot(store)
    assert (after.events, after.receipts) == (before.events + 1, before.receipts + 1)


@pytest.mark.parametrize("path", ["/tasks", "/agents"])
async def test_a_commit_whose_answer_was_lost_is_found_by_its_receipt(
    command_client: httpx2.AsyncClient, store: Pool, application: FastAPI, path: str
) -> None:
    await register_agent(command_client)
    before = await take_snapshot(store)
    save = application.state.services.commands.save
    tokens = list[Token]()

    async def save_and_lose_the_answer(write: Write) -> Token:
        tokens.append(await save(write))
        raise StoreUnavailableError

    replace_ports(application, save=save_and_lose_the_answer)
    response = await send_json(command_client, path, TASK if path == "/tasks" else {"name": "new"})

    assert response.status_code == 201
    assert response.headers["idempotent-replayed"] == "true"
    assert len(tokens) == 1
    after = await take_snapshot(store)
    assert (after.events, after.receipts) == (before.events + 1, before.receipts + 1)
