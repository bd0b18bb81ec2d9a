"""After a breach no lease is committed and each live lease has one report more: proven by the commits' own times."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from pydantic import SecretStr

from command_api.application import create_application
from contracts.streams import Token
from infrastructure.api_keys import new_api_key, store_api_key
from infrastructure.postgres import Pool
from infrastructure.settings import Settings
from infrastructure.write_store import Write
from tests.command_api.scenario import (
    API,
    bearer,
    lease_one,
    register_agent,
    replace_ports,
    submit_task,
    user_message,
    work_on,
)
from tests.polling import poll_until
from tests.private_servers import PrivatePostgres

_ROUNDS = 25
_COMMITS = """
SELECT event_type, aggregate_id::text AS id, pg_xact_commit_timestamp(xmin) AS at FROM log.events
WHERE event_type LIKE 'budget.%' OR event_type = ANY ($1) ORDER BY at, position
"""
_STARTS = ("task.started", "task.attempt_started", "task.resumed")


@pytest.fixture
async def replicas(
    noting_postgres: PrivatePostgres, noting_pool: Pool, redis_url: str
) -> AsyncIterator[list[tuple[FastAPI, httpx2.AsyncClient]]]:
    """Yield two applications on a server that notes when each commit came, with a client of each."""
    key = new_api_key()
    await store_api_key(noting_pool, key, workspace_id="default", name="test")
    settings = Settings(
        _env_file=None,
        database_url=SecretStr(noting_postgres.database_url),
        redis_url=SecretStr(redis_url),
        secret_key=SecretStr("a secret key of the tests, at least 32 characters"),
    )
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(2):
            application = create_application(settings)
            await stack.enter_async_context(LifespanManager(application, startup_timeout=10, shutdown_timeout=10))
            client = httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app=application), base_url="http://bureau", headers=bearer(key)
            )
            opened.append((application, await stack.enter_async_context(client)))
        yield opened


async def set_budget(client: httpx2.AsyncClient, amount: str = "10") -> str:
    answer = await client.post(f"{API}/budgets", json={"scope": "workspace", "amount": amount})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["budget_id"])


async def spend(client: httpx2.AsyncClient, lease: dict[str, Any], amount: str) -> httpx2.Response:
    return await work_on(client, lease, "progress", {"usage": {"cost": amount}})


async def find_faults(pool: Pool) -> tuple[int, list[str]]:
    """Return how often a budget was breached, and in words every start and every second report after a breach."""
    breaches, faults = 0, []
    is_spent, reported = False, set[str]()
    for row in await pool.fetch(_COMMITS, [*_STARTS, "task.usage_reported"]):
        match row["event_type"]:
            case "budget.exhausted":
                breaches, is_spent, reported = breaches + 1, True, set()
            case "budget.changed" | "budget.removed":
                is_spent = False
            case "task.usage_reported" if is_spent and row["id"] in reported:
                faults.append(f"{row['id']} reported twice after a breach")
            case "task.usage_reported" if is_spent:
                reported.add(row["id"])
            case started if is_spent and started in _STARTS:
                faults.append(f"{row['id']} {started} after a breach, at {row['at']}")
            case _:
                pass
    return breaches, faults


def hold_first_lease(application: FastAPI, meanwhile: Callable[[], Awaitable[None]]) -> list[Write]:
    """Let something happen between the decision on a lease and its save, once; return the leases that were tried."""
    save = application.state.services.commands.save
    tried: list[Write] = []

    async def held(write: Write) -> Token:
        if any(event.event_type in _STARTS for event in write.events):
            tried.append(write)
            if len(tried) == 1:
                await meanwhile()
        token: Token = await save(write)
        return token

    replace_ports(application, save=held)
    return tried


@pytest.mark.parametrize("is_new", [False, True], ids=["a budget that was there", "a budget that is made meanwhile"])
async def test_a_lease_decided_before_a_breach_and_saved_after_it_is_refused(
    replicas: list[tuple[FastAPI, httpx2.AsyncClient]], noting_pool: Pool, is_new: bool
) -> None:
    (application, slow), (_, quick) = replicas
    await register_agent(quick)
    await submit_task(quick)
    lease = await lease_one(quick)
    await submit_task(quick)
    if not is_new:
        await set_budget(quick)

    async def breach() -> None:
        if is_new:
            await set_budget(quick)
        assert (await spend(quick, lease, "10")).json()["state"] == "input_required"

    tried = hold_first_lease(application, breach)
    answer = await slow.post(f"{API}/leases", json={"agents": ["analyst"], "worker": "slow"})

    assert (answer.status_code, answer.json()["data"]) == (200, [])
    assert len(tried) == 1
    assert await find_faults(noting_pool) == (1, [])


async def test_a_lease_is_decided_on_again_where_the_budget_only_came_near_its_end(
    replicas: list[tuple[FastAPI, httpx2.AsyncClient]],
) -> None:
    (application, slow), (_, quick) = replicas
    await register_agent(quick)
    await submit_task(quick)
    lease = await lease_one(quick)
    await submit_task(quick)
    await set_budget(quick)

    async def come_near() -> None:
        assert (await spend(quick, lease, "9")).json()["state"] == "working"

    tried = hold_first_lease(application, come_near)
    await lease_one(slow)

    assert len(tried) == 2


async def test_a_report_counts_for_a_budget_that_is_set_while_it_is_decided_on(
    replicas: list[tuple[FastAPI, httpx2.AsyncClient]],
) -> None:
    (application, slow), (_, quick) = replicas
    await register_agent(quick)
    await submit_task(quick)
    lease = await lease_one(quick)
    save = application.state.services.commands.save
    budgets: list[str] = []

    async def held(write: Write) -> Token:
        if not budgets:
            budgets.append(await set_budget(quick))
        token: Token = await save(write)
        return token

    replace_ports(application, save=held)
    assert (await spend(slow, lease, "10")).json()["state"] == "input_required"


async def work(client: httpx2.AsyncClient, number: int, is_over: asyncio.Event) -> None:
    """Lease and report, again and again: often the reports go on until the budget stops them."""
    randomness = random.Random(number)
    body = {"agents": ["analyst"], "worker": f"w-{number}", "max_tasks": 2, "wait_seconds": 1}
    while not is_over.is_set():
        for lease in (await client.post(f"{API}/leases", json=body)).json()["data"]:
            while (await spend(client, lease, randomness.choice(["0", "1", "3"]))).json().get("state") == "working":
                if randomness.random() < 0.3:
                    await work_on(client, lease, "complete", {})


async def keep_budget(client: httpx2.AsyncClient, pool: Pool, is_over: asyncio.Event) -> None:
    """Raise a budget, or set another, whenever it is spent."""
    randomness, amount = random.Random(0), 10
    budget_id = await set_budget(client)
    for _ in range(_ROUNDS):
        await poll_until(lambda: is_spent(pool), timeout=60)
        if randomness.random() < 0.3:
            await client.post(f"{API}/budgets/{budget_id}/remove")
            budget_id, amount = await set_budget(client), 10
        else:
            amount += 40
            await client.patch(f"{API}/budgets/{budget_id}", json={"amount": str(amount)})
    is_over.set()


async def is_spent(pool: Pool) -> bool:
    return bool(
        await pool.fetchval(
            "SELECT count(*) FROM write.aggregates WHERE kind = 'budget' AND state ->> 'status' = 'exhausted'"
        )
    )


async def test_however_leases_reports_and_changes_of_a_budget_meet_nothing_is_leased_after_a_breach(
    replicas: list[tuple[FastAPI, httpx2.AsyncClient]], noting_pool: Pool
) -> None:
    clients = [client for _, client in replicas]
    await register_agent(clients[0], policy={"max_attempts": 1})
    body = {"agent": "analyst", "message": user_message()}
    for _ in range(10):
        await clients[0].post(f"{API}/tasks/batch", json={"tasks": [body] * 100})
    is_over = asyncio.Event()

    workers = (work(client, number, is_over) for number in range(5) for client in clients)
    await asyncio.wait_for(asyncio.gather(keep_budget(clients[1], noting_pool, is_over), *workers), 120)

    breaches, faults = await find_faults(noting_pool)
    assert breaches >= _ROUNDS
    assert faults == []
