"""Receipts are purged when nobody may repeat their command any more, and never before."""

import asyncio
from functools import partial

import httpx2
import pytest
from fastapi import FastAPI

from command_api.purging import PurgingDependencies, open_purging, purge_old_receipts
from infrastructure.postgres import Pool
from infrastructure.purging import _PURGE, _PURGE_BRIEF, purge_receipts
from infrastructure.upkeep import read_runs, record_run
from tests.command_api.scenario import (
    API,
    assert_error,
    expire_lease,
    lease_one,
    nothing_written,
    register_agent,
    send_json,
    user_message,
    work_on,
)
from tests.polling import poll_until

TASK = {"agent": "analyst", "message": user_message()}
BEAT = {"Idempotency-Key": "beat"}

_AGE = "UPDATE write.receipts SET created_at = clock_timestamp() - make_interval(days => $1) WHERE key = ANY($2)"
_AGE_ALL = "UPDATE write.receipts SET created_at = clock_timestamp() - make_interval(mins => $1)"
_FILL = """
INSERT INTO write.receipts
SELECT 'w', 'p', n::text, sha256(''), '', 1, '{}', '{}', now() - '40 days'::interval FROM generate_series(1, $1) n
"""


def dependencies(store: Pool, days: int = 30) -> PurgingDependencies:
    async def purge(limit: int) -> int:
        return await purge_receipts(store, days=days, limit=limit)

    async def record(done: int) -> None:
        await record_run(store, "receipts", done)

    return PurgingDependencies(purge, record)


async def submit(client: httpx2.AsyncClient, key: str) -> str:
    answer = await client.post(f"{API}/tasks", json=TASK, headers={"Idempotency-Key": key})
    return str(answer.json()["task_id"])


async def keys(store: Pool) -> list[str]:
    return [row["key"] for row in await store.fetch("SELECT key FROM write.receipts ORDER BY created_at")]


async def test_old_receipts_go_and_fresh_ones_stay(store: Pool, command_client: httpx2.AsyncClient) -> None:
    await register_agent(command_client)
    for key in "abcd":
        await submit(command_client, key)
    await store.execute(_AGE, 31, ["a"])
    await store.execute(_AGE, 29, ["b"])
    assert await purge_old_receipts(dependencies(store)) == 1
    assert [key for key in await keys(store) if len(key) == 1] == ["b", "c", "d"]
    (run,) = await read_runs(store)
    assert (run.job, run.done, run.total) == ("receipts", 1, 1)
    assert await purge_old_receipts(dependencies(store)) == 0
    (run,) = await read_runs(store)
    assert (run.done, run.total, run.words) == (1, 1, "")


async def test_a_command_is_answered_as_before_until_its_receipt_is_purged_and_carried_out_anew_then(
    store: Pool, command_client: httpx2.AsyncClient
) -> None:
    await register_agent(command_client)
    first = await submit(command_client, "k")
    assert await submit(command_client, "k") == first
    await store.execute(_AGE, 31, ["k"])
    assert await purge_old_receipts(dependencies(store)) == 1
    assert await submit(command_client, "k") != first


async def test_what_nobody_can_or_need_repeat_is_kept_for_an_hour(
    store: Pool, command_client: httpx2.AsyncClient
) -> None:
    await register_agent(command_client)
    await submit(command_client, "kept")
    lease = await lease_one(command_client)
    beats = [await work_on(command_client, lease, "heartbeat", {}, **BEAT) for _ in range(2)]
    assert (beats[1].content, beats[1].headers["idempotent-replayed"]) == (beats[0].content, "true")
    await send_json(command_client, "/tasks/batch", {"tasks": [TASK] * 40})
    await expire_lease(store, (await lease_one(command_client))["task_id"])
    await poll_until(partial(store.fetchval, "SELECT true FROM write.receipts WHERE principal = 'scheduler'"))
    written = await keys(store)

    await store.execute(_AGE_ALL, 59)
    assert await purge_old_receipts(dependencies(store)) == 0
    await store.execute(_AGE_ALL, 61)

    assert await purge_old_receipts(dependencies(store)) == len(written) - 1
    assert await keys(store) == ["kept"]
    again = await work_on(command_client, lease, "heartbeat", {}, **BEAT)
    assert (again.status_code, "idempotent-replayed" in again.headers) == (200, False)


async def test_the_key_of_a_heartbeat_is_no_other_commands(command_client: httpx2.AsyncClient, store: Pool) -> None:
    await register_agent(command_client)
    await submit(command_client, "taken")
    lease = await lease_one(command_client)
    await work_on(command_client, lease, "heartbeat", {}, **BEAT)

    async with nothing_written(store):
        for verb, body, key in (("heartbeat", {"received": 1}, "beat"), ("progress", {"fraction": 0.5}, "beat")):
            other = await work_on(command_client, lease, verb, body, **{"Idempotency-Key": key})
            assert_error(other, 422, "idempotency_key_reused")
        other = await work_on(command_client, lease, "heartbeat", {}, **{"Idempotency-Key": "taken"})
        assert_error(other, 422, "idempotency_key_reused")


@pytest.mark.parametrize("statement", [_PURGE, _PURGE_BRIEF])
async def test_looking_for_what_is_old_reads_nothing_that_is_not(store: Pool, statement: str) -> None:
    await store.execute(_FILL, 3000)
    await store.execute("ANALYZE write.receipts")
    async with store.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE planned AS {statement}")
        lines = await connection.fetch("EXPLAIN (COSTS OFF) EXECUTE planned('30 days', 1000)")
        await connection.execute("DEALLOCATE planned")
    assert "Index Cond: (created_at <" in "\n".join(line[0] for line in lines)


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
    await store.execute(_FILL, 2500)
    assert await purge_receipts(store, days=30, limit=700) == 700
    assert await purge_old_receipts(dependencies(store)) == 1800


async def test_two_that_purge_at_once_remove_each_receipt_once(store: Pool) -> None:
    await store.execute(_FILL, 3000)
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
