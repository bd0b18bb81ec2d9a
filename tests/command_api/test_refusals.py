"""Commands that the state does not allow: a typed error, and nothing written."""

import asyncio
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from command_api.services.handle_command import MAX_TRIES
from contracts.streams import Token
from infrastructure.api_keys import new_api_key, store_api_key
from infrastructure.lease_tokens import make_lease_token
from infrastructure.postgres import Pool
from infrastructure.write_store import Write, WriteConflictError
from tests.command_api.scenario import (
    API,
    AT_ONCE,
    assert_error,
    bearer,
    expire_lease,
    lease_one,
    nothing_written,
    register_agent,
    replace_ports,
    submit_task,
    user_message,
    work_on,
)

UNKNOWN = "01a1ff4e-7a00-7000-8000-00000000000b"
TASK = {"agent": "analyst", "message": user_message()}
WORK = [
    ("heartbeat", None),
    ("progress", {"fraction": 0.5}),
    ("artifacts", {"artifact": {"artifact_id": "a", "parts": [{"text": "a"}]}}),
    ("complete", None),
    ("fail", {"code": "c", "reason": "r"}),
    ("reject", {"reason": "r"}),
    ("release", {"usage": {"cost": "1"}}),
    ("acknowledge-cancel", {"usage": {"cost": "1"}}),
    ("request-input", {"message": user_message(role="agent")}),
    ("approvals", {"operation": "o"}),
    (f"approvals/{UNKNOWN}/use", {"operation": "o"}),
]


async def test_an_unknown_agent_is_not_found_by_any_command(command_client: httpx2.AsyncClient, store: Pool) -> None:
    async with nothing_written(store):
        for verb in ("pause", "resume", "retire"):
            assert_error(await command_client.post(f"{API}/agents/{UNKNOWN}/{verb}"), 404, "agent_not_found")
        update = await command_client.patch(f"{API}/agents/{UNKNOWN}", json={"name": "a"})
        assert_error(update, 404, "agent_not_found")
        for agent in (UNKNOWN, "analyst"):
            submitted = await command_client.post(f"{API}/tasks", json={**TASK, "agent": agent})
            assert_error(submitted, 404, "agent_not_found")


async def test_an_unknown_task_is_not_found_by_any_command(command_client: httpx2.AsyncClient, store: Pool) -> None:
    async with nothing_written(store):
        assert_error(await command_client.post(f"{API}/tasks/{UNKNOWN}/cancel"), 404, "task_not_found")
        for verb, body in WORK:
            response = await work_on(command_client, {"task_id": UNKNOWN, "lease_token": "1.x"}, verb, body)
            assert_error(response, 404, "task_not_found")


async def test_an_id_of_another_kind_is_not_found(command_client: httpx2.AsyncClient, store: Pool) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]
    task_id = (await submit_task(command_client))["task_id"]

    async with nothing_written(store):
        assert_error(await command_client.post(f"{API}/agents/{task_id}/pause"), 404, "agent_not_found")
        assert_error(await command_client.post(f"{API}/tasks/{agent_id}/cancel"), 404, "task_not_found")
        submitted = await command_client.post(f"{API}/tasks", json={**TASK, "agent": task_id})
        assert_error(submitted, 404, "agent_not_found")


@pytest.mark.parametrize(("verb", "code"), [("pause", "agent_paused"), ("retire", "agent_retired")])
async def test_an_agent_that_takes_no_work_gets_no_task(
    command_client: httpx2.AsyncClient, store: Pool, verb: str, code: str
) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]
    await command_client.post(f"{API}/agents/{agent_id}/{verb}")

    async with nothing_written(store):
        assert_error(await command_client.post(f"{API}/tasks", json=TASK), 409, code)


async def test_a_retired_agent_never_comes_back(command_client: httpx2.AsyncClient, store: Pool) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]
    await command_client.post(f"{API}/agents/{agent_id}/retire")

    async with nothing_written(store):
        for verb in ("pause", "resume"):
            assert_error(await command_client.post(f"{API}/agents/{agent_id}/{verb}"), 409, "agent_retired")
        update = await command_client.patch(f"{API}/agents/{agent_id}", json={"name": "b"})
        assert_error(update, 409, "agent_retired")


async def test_a_name_is_taken_once_even_by_agents_that_retired(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    first = await register_agent(command_client)
    other = await register_agent(command_client, "reader")
    await command_client.post(f"{API}/agents/{first['agent_id']}/retire")

    async with nothing_written(store):
        for name in ("analyst", " ANALYST "):
            registered = await command_client.post(f"{API}/agents", json={"name": name})
            assert_error(registered, 409, "agent_name_taken")
            renamed = await command_client.patch(f"{API}/agents/{other['agent_id']}", json={"name": name})
            assert_error(renamed, 409, "agent_name_taken")


async def test_a_name_that_many_want_at_once_goes_to_one(command_client: httpx2.AsyncClient, store: Pool) -> None:
    answers = await asyncio.gather(*(command_client.post(f"{API}/agents", json={"name": "a"}) for _ in range(8)))

    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]
    assert {answer.json()["error"]["code"] for answer in answers if answer.status_code == 409} == {"agent_name_taken"}
    assert await store.fetchval("SELECT count(*) FROM log.events") == 1


async def test_a_task_that_ended_cannot_be_cancelled(command_client: httpx2.AsyncClient, store: Pool) -> None:
    await register_agent(command_client)
    await submit_task(command_client)
    lease = await lease_one(command_client)
    await work_on(command_client, lease, "complete")

    async with nothing_written(store):
        error = assert_error(await work_on(command_client, lease, "cancel"), 409, "wrong_state")
    assert "completed" in error["message"]


async def test_a_token_that_is_not_that_of_the_tasks_lease_opens_nothing(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client, policy={"retry": AT_ONCE})
    for _ in range(2):
        await submit_task(command_client)
    mine, foreign = await lease_one(command_client), await lease_one(command_client)
    await expire_lease(store, mine["task_id"])
    current = await lease_one(command_client, wait_seconds=10)
    assert (current["task_id"], current["attempt"]) == (mine["task_id"], 2)
    number, signature = current["lease_token"].split(".")
    forged = make_lease_token(b"another secret", UUID(current["task_id"]), int(number))
    tokens = {
        "stale": mine["lease_token"],
        "of another task": foreign["lease_token"],
        "of another secret": forged,
        "of another number": f"{int(number) + 1}.{signature}",
        "without a number": f".{signature}",
        "without a signature": f"{number}.",
        "negative": f"-{number}.{signature}",
        "not a number": f"\xb2.{signature}",
        "huge": f"{'9' * 5000}.{signature}",
        "with more": f"{current['lease_token']}x",
        "empty": "",
        "latin": "\xff\xfe",
    }

    async with nothing_written(store):
        for what, token in tokens.items():
            for verb, body in WORK:
                response = await command_client.post(
                    f"{API}/tasks/{current['task_id']}/{verb}",
                    json=body,
                    headers=[(b"Lease-Token", token.encode("latin-1"))],
                )
                assert response.status_code == 409, (what, verb, response.text)
                assert_error(response, 409, "lease_lost")
    assert (await work_on(command_client, current, "heartbeat")).status_code == 200


async def test_a_worker_without_a_token_is_told_which_header_is_missing(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client)
    task_id = (await submit_task(command_client))["task_id"]
    await lease_one(command_client)

    async with nothing_written(store):
        for verb, body in WORK:
            response = await command_client.post(f"{API}/tasks/{task_id}/{verb}", json=body)
            assert_error(response, 422, "invalid_request", path="header.lease-token")


async def test_another_workspace_sees_nothing_of_this_one(command_client: httpx2.AsyncClient, store: Pool) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]
    await submit_task(command_client)
    lease = await lease_one(command_client)
    stranger = new_api_key()
    await store_api_key(store, stranger, workspace_id="elsewhere", name="stranger")
    strange = bearer(stranger)

    async with nothing_written(store):
        for verb in ("pause", "resume", "retire"):
            response = await command_client.post(f"{API}/agents/{agent_id}/{verb}", headers=strange)
            assert_error(response, 404, "agent_not_found")
        for verb, body in [*WORK, ("cancel", None)]:
            assert_error(await work_on(command_client, lease, verb, body, **strange), 404, "task_not_found")
        for agent in (agent_id, "analyst"):
            wish = {"agents": [agent], "worker": "w"}
            leased = await command_client.post(f"{API}/leases", json=wish, headers=strange)
            assert_error(leased, 404, "agent_not_found")
    assert (await command_client.post(f"{API}/agents", json={"name": "analyst"}, headers=strange)).status_code == 201


async def test_a_command_that_others_always_precede_is_refused_after_a_bounded_number_of_tries(
    command_client: httpx2.AsyncClient, store: Pool, application: FastAPI
) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]
    writes, pauses = list[Write](), list[int]()

    async def save(write: Write) -> Token:
        writes.append(write)
        raise WriteConflictError

    async def pause(number: int) -> None:
        pauses.append(number)

    replace_ports(application, save=save, pause=pause)
    async with nothing_written(store):
        response = await command_client.post(f"{API}/agents/{agent_id}/pause")

    assert_error(response, 409, "version_conflict", is_retryable=True)
    assert len(writes) == MAX_TRIES
    assert pauses == list(range(1, MAX_TRIES))


async def test_commands_that_meet_on_one_task_are_all_carried_out_one_after_the_other(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client)
    task_id = (await submit_task(command_client))["task_id"]
    lease = await lease_one(command_client)

    answers = await asyncio.gather(
        *(work_on(command_client, lease, "progress", {"fraction": step / 10}) for step in range(10))
    )

    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json()["generation"] for answer in answers) == list(range(3, 13))
    generations = await store.fetch(
        "SELECT generation FROM log.events WHERE aggregate_id = $1::text::uuid ORDER BY position", task_id
    )
    assert [row["generation"] for row in generations] == list(range(1, 13))
