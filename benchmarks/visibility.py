"""How long it takes from the answer to a command until a query shows what it did, through the real processes.

Twice: until a GET that carries the command's consistency token is answered, and until the row stands in the read
table. Idle, and beside 300 commands a second. The floor is a bare probe of the same hops in one process and a
database of its own: publish, hear, read the log, append to a stream, read that, upsert and move a checkpoint, read.
Run alone: `python -m benchmarks visibility`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from time import perf_counter
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import httpx2
from redis.asyncio import Redis

from benchmarks.command_floor import bare_write
from benchmarks.commands import AGENT_NAME, register_agent, task_load
from benchmarks.load import measure_load
from benchmarks.processes import Addresses, make_api_key, run_role
from benchmarks.report import Result
from infrastructure.write_statements import SAVE_STATEMENT
from infrastructure.write_store import written_columns
from migrations.runner import migrate_database

__all__ = ["run"]

_RATE: Final = 300.0
_SHARDS: Final = 16
_SHARES: Final = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
_PAUSE_SECONDS: Final = 0.02
_DEADLINE_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.0005
_MESSAGE: Final = {"message_id": "m-1", "role": "user", "parts": [{"text": "Is it there yet?"}]}
_READ: Final = "SELECT root_id, envelope FROM log.events WHERE shard = $1 AND position = $2"
_UPSERT: Final = """
WITH saved AS (
  INSERT INTO probe (task_id, body) VALUES ($1, $2) ON CONFLICT (task_id) DO UPDATE SET body = excluded.body
)
UPDATE probe_checkpoint SET position = position + 1
"""


class _Line(NamedTuple):
    """What a sample is taken with."""

    client: httpx2.AsyncClient
    reader: "asyncpg.Connection[asyncpg.Record]"
    command_url: str
    query_url: str


async def run(servers: Addresses, *, is_quick: bool = False) -> list[Result]:
    """Measure; the database must be empty."""
    samples = 40 if is_quick else 300
    async with AsyncExitStack() as stack:
        roles = ("command-api", "relay", "projectors", "query-api")
        command, _, _, query = [await stack.enter_async_context(run_role(role, servers)) for role in roles]
        api_key = await make_api_key(servers.database_url)
        headers = {"Authorization": f"Bearer {api_key}"}
        client = await stack.enter_async_context(httpx2.AsyncClient(headers=headers, timeout=30))
        reader = await asyncpg.connect(servers.database_url)
        stack.push_async_callback(reader.close)
        line = _Line(client, reader, f"http://127.0.0.1:{command.port}", f"http://127.0.0.1:{query.port}")
        await register_agent(command.port, api_key)
        probe = await _open_probe(servers, stack)
        await _take(line, probe, 10)
        idle = await _take(line, probe, samples)
        seconds = 5.0 + samples * 0.1
        load = replace(task_load(command.port, api_key, "background", seconds), rate=_RATE)
        background = asyncio.create_task(measure_load(load))
        await _take(line, probe, 20)
        busy = await _take(line, probe, samples)
        measured = await background
    return [*_results("idle", idle), *_results(f"at {measured.rate:.0f} commands/s", busy)]


type _Samples = dict[str, list[float]]
"""Seconds, by the name of what was measured."""


async def _take(line: _Line, probe: Callable[[], Awaitable[float]], samples: int) -> _Samples:
    """Take samples of each kind in turn."""
    taken: _Samples = {"by token": [], "in the read table": [], "probe": []}
    for _ in range(samples):
        taken["by token"].append(await _until_query_answers(line))
        await asyncio.sleep(_PAUSE_SECONDS)
        taken["in the read table"].append(await _until_row_stands(line))
        await asyncio.sleep(_PAUSE_SECONDS)
        taken["probe"].append(await probe())
        await asyncio.sleep(_PAUSE_SECONDS)
    return taken


async def _submit(line: _Line) -> tuple[str, str, float]:
    """Submit a task and return its id, its consistency token and when the answer was here."""
    answer = await line.client.post(f"{line.command_url}/api/v1/tasks", json={"agent": AGENT_NAME, "message": _MESSAGE})
    answered = perf_counter()
    receipt = answer.raise_for_status().json()
    return receipt["task_id"], receipt["consistency"], answered


async def _until_query_answers(line: _Line) -> float:
    """Ask with the token at once; the query waits until it can show the task."""
    task_id, token, answered = await _submit(line)
    headers = {"Bureau-Consistency": token, "Prefer": "wait=20, handling=strict"}
    answer = await line.client.get(f"{line.query_url}/api/v1/tasks/{task_id}", headers=headers)
    seconds = perf_counter() - answered
    assert answer.status_code == 200, answer.text
    return seconds


async def _until_row_stands(line: _Line) -> float:
    """Look at the read table until the task is there."""
    task_id, _, answered = await _submit(line)
    while not await line.reader.fetchval("SELECT true FROM read.task_list WHERE task_id = $1", UUID(task_id)):
        assert perf_counter() - answered < _DEADLINE_SECONDS, "the task never became visible"
        await asyncio.sleep(_POLL_SECONDS)
    return perf_counter() - answered


async def _make_probe_database(database_url: str) -> str:
    """Return the address of a second migrated database: the probe's events are no events."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("CREATE DATABASE probe")
    await connection.close()
    probe_url = urlunsplit(urlsplit(database_url)._replace(path="/probe"))
    await asyncio.to_thread(migrate_database, probe_url, shards=_SHARDS)
    return probe_url


async def _open_probe(servers: Addresses, stack: AsyncExitStack) -> Callable[[], Awaitable[float]]:
    """Return the bare probe: the hops one after the other, on connections that nothing else uses."""
    database_url = await _make_probe_database(servers.database_url)
    # Untyped: a probe takes apart what it knows it asked for.
    writer: Any = await asyncpg.connect(database_url)
    applier = await asyncpg.connect(database_url)
    redis: Any = Redis.from_url(servers.redis_url)
    subscription = redis.pubsub(ignore_subscribe_messages=True)
    for close in (writer.close, applier.close, subscription.aclose, redis.aclose):
        stack.push_async_callback(close)
    await applier.execute("CREATE TABLE probe (task_id uuid PRIMARY KEY, body bytea)")
    await applier.execute("CREATE TABLE probe_checkpoint AS SELECT 0::bigint AS position")
    await applier.execute("SET synchronous_commit = off")
    await subscription.subscribe("probe")
    last = [b"0"]

    async def probe() -> float:
        write = bare_write(_SHARDS)
        (shard,) = write.shards
        _, (position,) = await writer.fetchrow(SAVE_STATEMENT, *written_columns([write]))
        started = perf_counter()
        await redis.publish("probe", "")
        while await subscription.get_message(timeout=1) is None:
            pass
        root_id, envelope = await writer.fetchrow(_READ, shard, position)
        await redis.xadd("probe", {"__data__": envelope})
        ((_, ((last[0], fields),)),) = await redis.xread({"probe": last[0]}, block=1000)
        await applier.execute(_UPSERT, root_id, fields[b"__data__"])
        await writer.fetchval("SELECT body FROM probe WHERE task_id = $1", root_id)
        return perf_counter() - started

    return probe


def _quantile(samples: Sequence[float], share: float) -> float:
    """Return milliseconds."""
    return sorted(samples)[min(len(samples) - 1, int(len(samples) * share))] * 1000


def _results(load: str, taken: _Samples) -> list[Result]:
    """Return a row for each way to see it and each share of the samples, the probe's beside it."""
    return [
        Result(
            f"commit → visible {way}, {load}, {name}",
            value := _quantile(taken[way], share),
            "ms",
            floor := _quantile(taken["probe"], share),
            floor / value,
        )
        for way in ("by token", "in the read table")
        for name, share in _SHARES.items()
    ]
