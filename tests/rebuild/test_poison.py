"""A rebuild of a log with something in it that no projection can take: it parks in the new version as in the old."""

import asyncio
from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from contracts.views import TaskSummary
from infrastructure.dead_letters import (
    DeadLetterFilter,
    WantedAction,
    add_request,
    read_dead_letters,
    read_requests,
)
from infrastructure.identifiers import new_id
from infrastructure.postgres import Pool
from projectors.projections import Recorded
from projectors.projections.tasks import TASKS
from tests.polling import poll_until
from tests.projectors.poison import long_story, unsavable, with_gap
from tests.projectors.stories import interleave, task_story, write
from tests.rebuild.rebuilds import project_everything, run_rebuild

SHARD = 5
_PARKED = "SELECT version, shard, position, event_id, root_id FROM read.parked_events ORDER BY shard, position"
_ROOTS = "SELECT version, root_id, failed_position, error FROM read.parked_roots"


async def _rows(pool: Pool, schema: str) -> list[asyncpg.Record]:
    return await pool.fetch(f"SELECT * FROM {schema}.task_list ORDER BY task_id")  # noqa: S608 - our own table


@pytest.mark.parametrize("kind", ["does not fold", "cannot be saved"])
async def test_a_poison_event_parks_in_the_new_version_with_its_root_alone(
    pool: Pool, randomness: Random, kind: str
) -> None:
    bad = long_story(randomness, SHARD)
    bad = with_gap(bad, 2) if kind == "does not fold" else unsavable(bad)
    others = [task_story(randomness) for _ in range(40)]
    await write(pool, interleave(randomness, [*others, bad]))
    await project_everything(pool, (TASKS,))
    parked, [root] = await pool.fetch(_PARKED), await pool.fetch(_ROOTS)
    rows = await _rows(pool, "read")

    rebuilt, _ = await run_rebuild(pool, TASKS)

    assert rebuilt.parked == 1
    assert [tuple(row) for row in await pool.fetch(_PARKED)] == [(2, *tuple(row)[1:]) for row in parked]
    assert [tuple(row) for row in await pool.fetch(_ROOTS)] == [(2, *tuple(root)[1:])]
    assert root["root_id"] == bad[0].root
    assert await _rows(pool, "read_tasks_v2") == rows
    assert len(rows) == 40 + (kind == "does not fold")


async def test_a_rebuild_with_a_corrected_projection_parks_nothing(pool: Pool, randomness: Random) -> None:
    stories = [task_story(randomness) for _ in range(10)]
    await write(pool, interleave(randomness, stories))
    broken = {stories[3][0].root}
    [table] = TASKS.views

    def refuse(view: TaskSummary | None, recorded: Recorded[Any]) -> TaskSummary | None:
        if recorded.aggregate_id in broken:
            message = "a mistake of ours"
            raise ValueError(message)
        summary: TaskSummary | None = table.project(view, recorded)
        return summary

    await project_everything(pool, (replace(TASKS, views=(replace(table, project=refuse),)),))
    parked: list[UUID] = [row["root_id"] for row in await pool.fetch(_ROOTS)]
    assert parked == list(broken)

    rebuilt, _ = await run_rebuild(pool, TASKS)

    assert rebuilt.parked == 0
    assert await pool.fetch(_ROOTS) == []
    assert await pool.fetch(_PARKED) == []
    assert len(await _rows(pool, "read_tasks_v2")) == 10


async def test_what_was_asked_of_a_version_that_serves_no_longer_is_refused(pool: Pool, randomness: Random) -> None:
    await write(pool, with_gap(long_story(randomness, SHARD), 2))
    await project_everything(pool, (TASKS,))
    [letter] = await read_dead_letters(pool, DeadLetterFilter())
    wanted = WantedAction(new_id(), letter.dead_letter_id, "retry", "a test")
    asked = await add_request(pool, wanted)
    assert asked is not None
    assert asked.outcome is None

    await run_rebuild(pool, TASKS)

    [ended] = await read_requests(pool, [asked.request_id])
    assert (ended.outcome, ended.applied, ended.error) == ("refused", 0, "that version of the read model is no more")
    assert ended.finished_at is not None
    assert await add_request(pool, wanted) == ended


async def test_nobody_asks_anything_of_a_version_while_it_ends(pool: Pool, randomness: Random) -> None:
    await write(pool, with_gap(long_story(randomness, SHARD), 2))
    await project_everything(pool, (TASKS,))
    [letter] = await read_dead_letters(pool, DeadLetterFilter())
    wanted = WantedAction(new_id(), letter.dead_letter_id, "retry", "a test")
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("DELETE FROM read.parked_roots")  # as a switch does, which has not ended
        asking = asyncio.create_task(add_request(pool, wanted))
        await poll_until(lambda: _waits_or_is_done(pool, asking))
    assert await asking is None


async def _waits_or_is_done(pool: Pool, asking: asyncio.Task[object]) -> bool:
    waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%parked%')"
    return asking.done() or bool(await pool.fetchval(waiting))
