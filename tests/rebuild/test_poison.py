"""A rebuild of a log with something in it that no projection can take: it parks in the new version as in the old."""

from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from contracts.views import TaskSummary
from infrastructure.postgres import Pool
from projectors.projections import Recorded
from projectors.projections.tasks import TASKS
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
