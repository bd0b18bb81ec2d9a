"""A rebuild holds no transaction longer than a batch: neither vacuum nor anybody's rows wait for it."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from infrastructure.postgres import Pool
from projectors import building
from projectors.entries import ShardBatch
from projectors.projections.tasks import TASKS
from projectors.services import apply_projection
from tests.fold import find_unfolded
from tests.projectors.stories import write_tasks
from tests.rebuild.rebuilds import run_rebuild

OPEN = """
SELECT application_name || ': ' || query FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
  AND xact_start IS NOT NULL
"""


async def test_no_transaction_of_a_rebuild_outlives_the_batch_that_it_saves(
    pool: Pool, randomness: Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = await write_tasks(pool, randomness, 60)
    batches, still_open = list[int](), list[str]()

    async def apply(projection: Any, given: Sequence[ShardBatch], dependencies: Any) -> Any:  # noqa: ANN401 - passed on
        applied = await apply_projection(projection, given, dependencies)
        batches.append(sum(len(batch.entries) for batch in given))
        still_open.extend(row[0] for row in await pool.fetch(OPEN))
        return applied

    monkeypatch.setattr(building, "apply_projection", apply)
    monkeypatch.setattr(building, "_BATCH_EVENTS", 20)
    monkeypatch.setattr(building, "_LANES", 1)  # what is open after a batch is nobody else's
    monkeypatch.setattr("projectors.rebuilding._LOOK_SECONDS", 60)  # and nobody looks how far it is meanwhile
    monkeypatch.setattr("projectors.rebuilding._NEAR_EVENTS", 0)

    await run_rebuild(pool, TASKS)

    assert still_open == []
    assert max(batches) == 20
    assert sum(batches) == events
    assert await find_unfolded(pool, (TASKS,)) == []
