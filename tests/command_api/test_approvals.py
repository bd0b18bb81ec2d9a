"""Approvals over HTTP: who may decide, once, on exactly one operation, in one transaction with the task."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, Protocol

import httpx2
import pytest
from fastapi import FastAPI

from contracts.streams import Token
from infrastructure.api_keys import new_api_key, revoke_api_key, store_api_key
from infrastructure.postgres import Pool
from infrastructure.write_store import Write
from tests.command_api.scenario import (
    API,
    assert_error,
    bearer,
    find_event,
    lease_one,
    nothing_written,
    read_events,
    register_agent,
    replace_ports,
    submit_task,
    work_on,
)
from tests.polling import poll_until

UNKNOWN = "01a1ff4e-7a00-7000-8000-00000000000b"
REFUND = {"operation": "payments.refund", "arguments": {"amount": 5}}
RULE = {"operations": ["payments.*"], "roles": ["finance"], "people": ["ada"]}


class Hire(Protocol):
    async def __call__(self, name: str, *roles: str) -> httpx2.AsyncClient: ...


@pytest.fixture
async def hire(application: FastAPI, store: Pool) -> AsyncIterator[Hire]:
    """Yield what makes a client with a key of its own."""
    async with AsyncExitStack() as stack:

        async def make(name: str, *roles: str) -> httpx2.AsyncClient:
            key = new_api_key()
            await store_api_key(store, key, workspace_id="default", name=name, roles=roles)
            transport = httpx2.ASGITransport(app=application)
            client = httpx2.AsyncClient(transport=transport, base_url="http://bureau", headers=bearer(key))
            return await stack.enter_async_context(client)

        yield make


def key_id(client: httpx2.AsyncClient) -> str:
    return client.headers["authorization"].split("_")[1]


async def ask(client: httpx2.AsyncClient, *, keeps_lease: bool = False, **rule: object) -> tuple[dict[str, Any], str]:
    """Let a worker ask for a refund under a rule; return its lease and the approval's id."""
    await register_agent(client, policy={"approvals": [{**RULE, **rule}]})
    await submit_task(client)
    lease = await lease_one(client)
    asked = await work_on(client, lease, "approvals", {**REFUND, "keeps_lease": keeps_lease})
    assert (asked.status_code, asked.json()["status"]) == (200, "pending"), asked.text
    return lease, asked.json()["approval_id"]


async def decide(client: httpx2.AsyncClient, approval_id: str, decision: str = "approve") -> httpx2.Response:
    return await client.post(f"{API}/approvals/{approval_id}/decision", json={"decision": decision, "reason": "so"})


async def commits_of(store: Pool, *aggregates: str) -> list[tuple[int, int]]:
    """Return shard and transaction of the events of aggregates, without repetition."""
    rows = await store.fetch(
        "SELECT DISTINCT shard, xmin::text::bigint AS commit FROM log.events_000000"
        " WHERE aggregate_id = ANY ($1::uuid[]) ORDER BY 2",
        aggregates,
    )
    return [(row["shard"], row["commit"]) for row in rows]


async def test_an_operation_without_a_rule_needs_no_approval(command_client: httpx2.AsyncClient, store: Pool) -> None:
    await register_agent(command_client, policy={"approvals": [RULE]})
    await submit_task(command_client)
    lease = await lease_one(command_client)

    async with nothing_written(store):
        answer = await work_on(command_client, lease, "approvals", {"operation": "mail.send", "arguments": {}})
    assert (answer.status_code, answer.json()["status"], answer.json()["approval_id"]) == (200, "not_required", None)


async def test_an_approval_and_its_task_change_together_and_it_covers_the_operation_once(
    command_client: httpx2.AsyncClient, store: Pool, hire: Hire
) -> None:
    finance = await hire("bob", "finance")
    lease, approval_id = await ask(command_client)
    task_id = lease["task_id"]
    assert len({shard for shard, _ in await commits_of(store, task_id, approval_id)}) == 1
    asked = len(await commits_of(store, task_id, approval_id))
    async with nothing_written(store):
        assert_error(await work_on(command_client, lease, "complete"), 409, "lease_lost")

    decided = await decide(finance, approval_id)

    assert (decided.status_code, decided.json()["status"]) == (200, "approved")
    # One commit more, for the events of both.
    assert len(await commits_of(store, task_id, approval_id)) == asked + 1
    assert [event["type"] for event in await read_events(store, approval_id)][-2:] == [
        "approval.vote_cast",
        "approval.granted",
    ]
    resumed = await lease_one(command_client)
    assert (resumed["task_id"], resumed["attempt"]) == (task_id, 1)
    assert resumed["messages"][-1]["parts"][0]["data"] == {"approval_id": approval_id, "status": "approved"}
    use = f"approvals/{approval_id}/use"
    async with nothing_written(store):
        assert_error(await work_on(command_client, lease, use, REFUND), 409, "lease_lost")
        for other in ({**REFUND, "arguments": {"amount": 6}}, {**REFUND, "operation": "payments.send"}):
            assert_error(await work_on(command_client, resumed, use, other), 409, "other_operation")
    used = await work_on(command_client, resumed, use, REFUND)
    assert (used.status_code, used.json()["is_used"]) == (200, True)
    async with nothing_written(store):
        assert_error(await work_on(command_client, resumed, use, REFUND), 409, "approval_used")


async def test_a_worker_whose_task_is_canceled_while_it_makes_use_of_an_approval_uses_nothing(
    application: FastAPI, command_client: httpx2.AsyncClient, store: Pool, hire: Hire
) -> None:
    lease, approval_id = await ask(command_client, keeps_lease=True)
    await decide(await hire("ada"), approval_id)
    save, tried = application.state.services.commands.save, list[Write]()

    async def held(write: Write) -> Token:
        if any(event.event_type == "approval.used" for event in write.events):
            tried.append(write)
            await command_client.post(f"{API}/tasks/{lease['task_id']}/cancel")
        token: Token = await save(write)
        return token

    replace_ports(application, save=held)

    used = await work_on(command_client, lease, f"approvals/{approval_id}/use", REFUND)

    assert_error(used, 409, "task_canceled")
    assert (len(tried), await find_event(store, approval_id, "approval.used")) == (1, None)


async def test_only_who_the_rule_names_decides_and_nobody_on_their_own_wish(
    command_client: httpx2.AsyncClient, store: Pool, hire: Hire
) -> None:
    intern, stranger = await hire("eve", "support"), await hire("mallory")
    worker = await hire("worker", "finance")
    lease, approval_id = await ask(worker)

    async with nothing_written(store):
        for other in (intern, stranger, command_client):
            assert_error(await decide(other, approval_id), 403, "not_a_decider")
        assert_error(await decide(worker, approval_id), 403, "own_request")
        assert_error(await decide(intern, UNKNOWN), 404, "approval_not_found")
        assert_error(await decide(intern, lease["task_id"]), 404, "approval_not_found")
        assert_error(await decide(intern, approval_id, "perhaps"), 422, "invalid_request", path="body.decision")


async def test_two_of_three_decide_each_once(command_client: httpx2.AsyncClient, store: Pool, hire: Hire) -> None:
    ada, bob, cleo = await hire("ada"), await hire("bob", "finance"), await hire("cleo", "finance")
    _, approval_id = await ask(command_client, required=2)

    assert (await decide(ada, approval_id)).json()["status"] == "pending"
    async with nothing_written(store):
        assert_error(await decide(ada, approval_id), 409, "already_voted")
        assert_error(await decide(ada, approval_id, "refuse"), 409, "already_voted")
    assert (await decide(bob, approval_id)).json()["status"] == "approved"
    async with nothing_written(store):
        assert_error(await decide(cleo, approval_id), 409, "approval_decided")


async def test_the_vote_of_a_key_that_was_revoked_before_the_deciding_one_does_not_count(
    command_client: httpx2.AsyncClient, store: Pool, hire: Hire
) -> None:
    ada, bob, cleo = await hire("ada"), await hire("bob", "finance"), await hire("cleo", "finance")
    _, approval_id = await ask(command_client, required=2)
    assert (await decide(bob, approval_id)).json()["status"] == "pending"

    assert await revoke_api_key(store, key_id(bob))

    assert (await decide(cleo, approval_id)).json()["status"] == "pending"
    assert (await decide(ada, approval_id)).json()["status"] == "approved"


async def test_nobody_decides_on_their_own_wish_after_its_key_was_revoked(store: Pool, hire: Hire) -> None:
    bot, same, other = await hire("bot", "finance"), await hire("bot", "finance"), await hire("cleo", "finance")
    _, approval_id = await ask(bot)
    assert await revoke_api_key(store, key_id(bot))

    async with nothing_written(store):
        assert_error(await decide(same, approval_id), 403, "own_request")
    assert (await decide(other, approval_id)).json()["status"] == "approved"


@pytest.mark.parametrize(("on_refusal", "state"), [("reject", "rejected"), ("resume", "working")])
async def test_a_refusal_ends_the_task_or_lets_it_go_on_without(
    command_client: httpx2.AsyncClient, store: Pool, hire: Hire, on_refusal: str, state: str
) -> None:
    ada = await hire("ada")
    lease, approval_id = await ask(command_client, on_refusal=on_refusal)

    assert (await decide(ada, approval_id, "refuse")).json()["status"] == "refused"

    found = await store.fetchval("SELECT state ->> 'state' FROM write.aggregates WHERE id = $1", lease["task_id"])
    assert found == state
    if state == "working":
        resumed = await lease_one(command_client)
        async with nothing_written(store):
            used = await work_on(command_client, resumed, f"approvals/{approval_id}/use", REFUND)
            assert_error(used, 409, "not_approved")


async def test_an_approval_that_nobody_decides_expires_with_its_task(
    command_client: httpx2.AsyncClient, store: Pool, hire: Hire
) -> None:
    ada = await hire("ada")
    lease, approval_id = await ask(command_client, expires_in_seconds=1)

    async def types(aggregate_id: str) -> list[str]:
        return [event["type"] for event in await read_events(store, aggregate_id)]

    async def is_over() -> bool:
        return "task.rejected" in await types(lease["task_id"])

    await poll_until(is_over)
    assert (await types(approval_id))[-1] == "approval.expired"
    async with nothing_written(store):
        assert_error(await decide(ada, approval_id), 409, "approval_decided")


async def test_cancelling_the_task_withdraws_what_it_waits_for(
    command_client: httpx2.AsyncClient, store: Pool, hire: Hire
) -> None:
    ada = await hire("ada")
    lease, approval_id = await ask(command_client)

    assert (await command_client.post(f"{API}/tasks/{lease['task_id']}/cancel")).json()["state"] == "canceled"

    assert (await read_events(store, approval_id))[-1]["type"] == "approval.withdrawn"
    async with nothing_written(store):
        assert_error(await decide(ada, approval_id), 409, "approval_decided")
