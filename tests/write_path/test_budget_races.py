"""After a breach no lease is committed and each live lease has one report more: proven by the commits' own times."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from decimal import Decimal

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
from tests.write_path.spending import (
    count_saves,
    find_faults,
    hold_first_lease,
    is_spent,
    read_spent,
    set_budget,
    spend,
)

_ROUNDS = 25


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


async def test_reports_under_one_budget_count_side_by_side_and_none_is_decided_on_twice(
    replicas: list[tuple[FastAPI, httpx2.AsyncClient]], noting_pool: Pool
) -> None:
    await register_agent(replicas[0][1])
    tried = [count_saves(application) for application, _ in replicas]
    leases = []
    for _ in range(20):
        await submit_task(replicas[0][1])
        leases.append(await lease_one(replicas[0][1]))
    await set_budget(replicas[0][1], "1000")
    before = sum(map(len, tried))

    async def report(number: int) -> None:
        for _ in range(5):
            answer = await spend(replicas[number % 2][1], leases[number], "0.1")
            assert answer.status_code == 200, answer.text

    await asyncio.gather(*(report(number) for number in range(20)))

    assert await read_spent(noting_pool) == (Decimal("10.0"), Decimal("10.0"))
    assert sum(map(len, tried)) == before + 100


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
    spent, reported = await read_spent(noting_pool)
    assert spent == reported > 0
