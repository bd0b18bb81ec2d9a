"""What clients were told against the log at rest: each acknowledged command is in it exactly once, and nobody's else.

A command's key is the correlation id of its events. A receipt says how many events it has; the journals say what its
client heard. Nothing here needs memory for the log: PostgreSQL compares, and only differences and commands come back.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import orjson

from tests.faults.journal import Acknowledged, Lost, is_perhaps_lost, read_journals
from tests.work.history import TERMINAL, find_wrong_writes

__all__ = ["Audit", "audit", "find_wrong_history"]

_HAPPENED = """
CREATE TEMPORARY TABLE happened AS
SELECT body ->> 'correlationid' AS key, count(*) AS events,
  coalesce(array_agg(e.aggregate_id || '/' || e.generation) FILTER (WHERE e.aggregate_kind = 'task'), '{}') AS places
FROM log.events e CROSS JOIN LATERAL (SELECT convert_from(e.envelope, 'UTF8')::jsonb AS body) GROUP BY 1
"""
# The scheduler's commands say how many tasks they timed out; agents' results name every event; leases every task.
_UNPAIRED = """
WITH promised AS (
  SELECT key, principal, CASE
    WHEN principal = 'scheduler' THEN (result ->> 'timed_out')::bigint
    WHEN principal = 'tester' THEN (SELECT count(*) FROM jsonb_object_keys(result))
    WHEN key LIKE 'lease-%' THEN jsonb_array_length(result -> 'leases')
    WHEN key LIKE 'beat-%' THEN 0 ELSE 1 END AS events
  FROM (SELECT key, principal, convert_from(result, 'UTF8')::jsonb AS result FROM write.receipts) AS receipts
)
SELECT coalesce(h.key, p.key) || ': receipt of ' || coalesce(p.events::text, 'nothing') || ' events, the log has '
  || coalesce(h.events, 0)
FROM happened h FULL JOIN promised p USING (key) WHERE coalesce(h.events, 0) IS DISTINCT FROM p.events LIMIT 20
"""
_COMMANDS = "SELECT key, events, places FROM happened"
_TASKS = """
SELECT aggregate_id::text, envelope FROM log.events WHERE aggregate_kind = 'task' ORDER BY aggregate_id, generation
"""
_FEW = 20


class Audit(NamedTuple):
    """What is wrong, in words; how many commands were acknowledged, by role; refusals by code; tasks by last event."""

    faults: list[str]
    acknowledged: Mapping[str, int]
    forgotten: int
    refusals: Mapping[str, int]
    tasks: Mapping[str, int]


async def audit(database_url: str, journals: Path, losses: Sequence[Lost]) -> Audit:
    """Compare everything; the writers have ended."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(_HAPPENED)
        unpaired = [row[0] for row in await connection.fetch(_UNPAIRED)]
        said = _by_key(journals)
        missed, forgotten = await _compare(connection, said, losses)
        wrong, tasks = await _follow_tasks(connection)
    finally:
        await connection.close()
    everything = [each for heard in said.values() for each in heard]
    return Audit(
        faults=[*unpaired, *_unwanted(everything, losses), *missed[:_FEW], *wrong[:_FEW]],
        acknowledged=Counter(each.key.partition("-")[0] for each in everything if each.status < 400),
        forgotten=forgotten,
        refusals=Counter(each.code for each in everything if each.code),
        tasks=tasks,
    )


def _by_key(journals: Path) -> dict[str, list[Acknowledged]]:
    said: defaultdict[str, list[Acknowledged]] = defaultdict(list)
    for each in read_journals(journals):
        said[each.key].append(each)
    return said


def _unwanted(said: Sequence[Acknowledged], losses: Sequence[Lost]) -> list[str]:
    """Return answers that nobody may get: not found only after a database was put back, errors and misuse never."""
    known = {200, 201, 409} | ({404} if losses else set())
    return [f"{each.key} was answered {each.status} {each.code}" for each in said if each.status not in known][:_FEW]


async def _compare(
    connection: "asyncpg.Connection[asyncpg.Record]",
    said: Mapping[str, Sequence[Acknowledged]],
    losses: Sequence[Lost],
) -> tuple[list[str], int]:
    """Return what clients were told and is not so, and how many commands were forgotten with a database put back."""
    wrong: list[str] = []
    happened = {key: (events, sorted(places)) async for key, events, places in _rows(connection, _COMMANDS)}
    forgotten = 0
    for key, heard in said.items():
        events, places = happened.get(key, (0, []))
        for each in heard:
            is_there = each.status >= 400 or (
                events == each.events and (not each.places or places == sorted(each.places))
            )
            if key.startswith("beat-") or is_there:
                continue
            if is_perhaps_lost(each, losses):
                forgotten += 1
            else:
                wrong.append(f"{key} was told {each.events} events {list(each.places)}, the log has {events} {places}")
    return wrong, forgotten


async def _rows(connection: "asyncpg.Connection[asyncpg.Record]", statement: str) -> AsyncIterator["asyncpg.Record"]:
    async with connection.transaction():
        async for row in connection.cursor(statement, prefetch=5000):
            yield row


async def _follow_tasks(connection: "asyncpg.Connection[asyncpg.Record]") -> tuple[list[str], Counter[str]]:
    """Return what is wrong with the histories of tasks, and how many ended with which event."""
    wrong: list[str] = []
    ends: Counter[str] = Counter()
    task, history = "", list[dict[str, Any]]()
    async for task_id, envelope in _rows(connection, _TASKS):
        if task_id != task and history:
            wrong += find_wrong_history(task, history)
            ends[history[-1]["type"]] += 1
            history = []
        task = task_id
        history.append(orjson.loads(envelope))
    if history:
        wrong += find_wrong_history(task, history)
        ends[history[-1]["type"]] += 1
    return wrong, ends


def find_wrong_history(task: str, history: list[dict[str, Any]]) -> Iterator[str]:
    """Say what is wrong with one task: not submitted first or once, going on after its end, written by others."""
    kinds = [event["type"] for event in history]
    if kinds[0] != "task.submitted" or kinds.count("task.submitted") != 1 or TERMINAL & set(kinds[:-1]):
        yield f"{task}: {kinds}"
    if [event["aggregateversion"] for event in history] != list(range(1, len(history) + 1)):
        yield f"{task}: versions {[event['aggregateversion'] for event in history]}"
    yield from find_wrong_writes({task: history})
