"""The same history twice: as the product is nothing differs, with one protection of the read models gone it does."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from uuid import UUID

from redis.asyncio import Redis

from contracts.streams import EntryId
from infrastructure.postgres import Pool
from projectors.projections import PROJECTIONS, Projection
from projectors.projections.task_detail import TASK_DETAIL
from projectors.projections.tasks import TASKS
from projectors.projections.usage import USAGE
from tests.faults.broken import BROKEN, breaking
from tests.faults.steps import apply_entries, differences, project, take_entries
from tests.faults.substitution import PowerCutError
from tests.faults.test_broken_relays import either
from tests.projectors.applying import checkpoint_of
from tests.projectors.stories import Written, task_story, write, write_tasks
from tests.roots import root_in

SHARD = 3


async def write_story(pool: Pool, randomness: Random, *, events: int) -> list[Written]:
    """Write a life of at least so many events of one task in the shard."""
    while len(story := task_story(randomness, root_in(SHARD, randomness))) < events:
        pass
    await write(pool, story)
    return story


async def look(pool: Pool, redis: Redis, projection: Projection = TASK_DETAIL) -> set[str]:
    return await differences(pool, redis, (projection,), has_streams=False) - {"checkpoint.behind"}


@either("checkpoint apart")
async def test_a_projector_dies_after_a_batch(
    pool: Pool, redis: Redis, randomness: Random, missing: str | None
) -> None:
    await write_story(pool, randomness, events=6)
    async with breaking(pool, missing):
        start = await checkpoint_of(pool, TASK_DETAIL, SHARD)
        with suppress(PowerCutError):
            await apply_entries(pool, TASK_DETAIL, SHARD, start, await take_entries(pool, SHARD, 0, limit=4))
    found = await look(pool, redis)
    assert ("view.surplus" in found) if missing else found == set()


@either("no fence")
async def test_a_projector_that_lost_its_shard_saves_late(
    pool: Pool, redis: Redis, randomness: Random, missing: str | None
) -> None:
    await write_story(pool, randomness, events=6)
    start = await checkpoint_of(pool, TASKS, SHARD)
    few = await take_entries(pool, SHARD, 0, limit=1)
    async with breaking(pool, missing):
        await write_story(pool, randomness, events=6)
        await apply_entries(pool, TASKS, SHARD, start, await take_entries(pool, SHARD, 0))
        await apply_entries(pool, TASKS, SHARD, start, few)
    found = await look(pool, redis, TASKS)
    assert ("view.surplus" in found) if missing else found == set()


@either("no event fence")
async def test_a_stream_brings_an_event_that_the_log_lost(
    pool: Pool, redis: Redis, randomness: Random, missing: str | None
) -> None:
    await write_story(pool, randomness, events=6)
    start = await checkpoint_of(pool, TASK_DETAIL, SHARD)
    (first,) = await take_entries(pool, SHARD, 0, limit=1)
    lost = replace(first, event_id=str(UUID(int=7)), envelope=first.envelope.replace(b"Please", b"Ghosts"))
    assert lost.envelope != first.envelope
    async with breaking(pool, missing):
        await apply_entries(pool, TASK_DETAIL, SHARD, start, (lost,))
    found = await look(pool, redis)
    assert ("view.different" in found) if missing else found == set()
    at = await checkpoint_of(pool, TASK_DETAIL, SHARD)
    assert at == (EntryId(1, 1) if missing else start)


@either("shared row")
async def test_several_shards_feed_the_same_sums(
    pool: Pool, redis: Redis, randomness: Random, missing: str | None
) -> None:
    await write_tasks(pool, randomness, 60)
    async with breaking(pool, missing):
        await project(pool, (USAGE,))
    reports = await pool.fetchval("SELECT count(*) FROM log.events WHERE event_type = 'task.usage_reported'")
    counted = await pool.fetchval("SELECT sum(reports) FROM read.usage_sums WHERE agent = ''")
    found = await differences(pool, redis, (USAGE,), has_streams=False)
    assert reports > 30
    if missing:
        assert counted < reports
        assert found & {"view.different", "view.missing"}
    else:
        assert (counted, found) == (reports, set())


async def test_nothing_differs_where_nothing_is_broken(pool: Pool, redis: Redis, randomness: Random) -> None:
    await write_tasks(pool, randomness, 20)
    async with breaking(pool, None):
        await project(pool)
    assert await differences(pool, redis, PROJECTIONS, has_streams=False) == set()


def test_every_way_to_break_the_line_is_tried() -> None:
    """Each name of `tests.faults.broken` stands in one of the tests of this folder."""
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in BROKEN if f'@either("{name}")' not in tests] == []
