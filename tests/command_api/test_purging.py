"""Receipts are purged when nobody may repeat their command any more, and never before."""

import asyncio

import httpx2
import pytest
from fastapi import FastAPI

from command_api.purging import PurgingDependencies, open_purging, purge_old_receipts
from infrastructure.postgres import Pool
from infrastructure.purging import purge_receipts
from infrastructure.upkeep import read_runs, record_run
from tests.command_api.scenario import API, register_agent, submit_task, user_message
from tests.polling import poll_until

_AGE = "UPDATE write.receipts SET created_at = clock_timestamp() - make_interval(days => $1) WHERE key = ANY($2)"


def dependencies(store: Pool, days: int = 30) -> PurgingDependencies:
    async def purge(limit: int) -> int:
        return await purge_receipts(store, days=days, limit=limit)

    async def record(done: int) -> None:
        await record_run(store, "receipts", done)

    return PurgingDependencies(purge, record)


async def keys(store: Pool) -> list[str]:
    return [row["key"] for row in await store.fetch("SELECT key FROM write.receipts ORDER BY created_at")]


async def test_old_receipts_go_and_fresh_ones_stay(store: Pool, command_client: httpx2.AsyncClient) -> None:
    await register_agent(command_client)
    for _ in range(4):
        await submit_task(command_client)
    first, second, *fresh = await keys(store)
    await store.execute(_AGE, 31, [first])
    await store.execute(_AGE, 29, [second])
    assert await purge_old_receipts(dependencies(store)) == 1
    assert await keys(store) == [second, *fresh]
    (run,) = await read_runs(store)
    assert (run.job, run.done, run.total) == ("receipts", 1, 1)
    assert await purge_old_receipts(dependencies(store)) == 0
    (run,) = await read_runs(store)
    assert (run.done, run.total, run.words) == (1, 1, "")


async def test_a_command_is_answered_as_before_until_its_receipt_is_purged_and_carried_out_anew_then(
    store: Pool, command_client: httpx2.AsyncClient
) -> None:
    await register_agent(command_client)
    body = {"agent": "analyst", "message": user_message()}

    async def submit() -> str:
        answer = await command_client.post(f"{API}/tasks", json=body, headers={"Idempotency-Key": '"k"'})
        return str(answer.json()["task_id"])

    first = await submit()
    assert await submit() == first
    await store.execute(_AGE, 31, ["k"])
    assert await purge_old_receipts(dependencies(store)) == 1
    assert await submit() != first


async def test_a_batch_whose_receipts_were_purged_makes_no_task_twice_and_says_so_of_each(
    store: Pool, command_client: httpx2.AsyncClient
) -> None:
    await register_agent(command_client)
    body = {"tasks": [{"agent": "analyst", "message": user_message()}] * 20}

    async def submit() -> list[str | None]:
        answer = await command_client.post(f"{API}/tasks/batch", json=body, headers={"Idempotency-Key": '"k"'})
        return [item["error"] and item["error"]["code"] for item in answer.json()["data"]]

    assert await submit() == [None] * 20
    await store.execute("DELETE FROM write.receipts WHERE key LIKE 'k%'")
    assert await submit() == ["task_exists"] * 20
    assert await store.fetchval("SELECT count(*) FROM write.aggregates WHERE kind = 'task'") == 20


async def test_a_batch_bounds_each_call_and_all_that_is_old_goes(store: Pool) -> None:
    await store.execute(
        "INSERT INTO write.receipts SELECT 'w', 'p', n::text, '', '', 1, '{}', '{}', now() - '40 days'::interval"
        " FROM generate_series(1, 2500) n"
    )
    assert await purge_receipts(store, days=30, limit=700) == 700
    assert await purge_old_receipts(dependencies(store)) == 1800


async def test_two_that_purge_at_once_remove_each_receipt_once(store: Pool) -> None:
    await store.execute(
        "INSERT INTO write.receipts SELECT 'w', 'p', n::text, '', '', 1, '{}', '{}', now() - '40 days'::interval"
        " FROM generate_series(1, 3000) n"
    )
    purged = await asyncio.gather(*(purge_old_receipts(dependencies(store)) for _ in range(2)))
    assert sum(purged) == 3000
    assert await keys(store) == []


async def test_the_command_api_purges_by_itself(store: Pool, application: FastAPI) -> None:
    assert application.state.services

    async def has_run() -> bool:
        return [run.job for run in await read_runs(store)] == ["receipts"]

    await poll_until(has_run)


async def test_a_database_that_is_away_ends_nothing(store: Pool, caplog: pytest.LogCaptureFixture) -> None:
    tries: list[int] = []

    async def purge(_limit: int) -> int:
        tries.append(1)
        raise ConnectionError("away")

    async with open_purging(PurgingDependencies(purge, dependencies(store).record)):
        await poll_until(lambda: tries)
    assert "Traceback" not in caplog.text
