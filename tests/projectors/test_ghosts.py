"""Entries that the log does not hold, of a lost future or of another database's Redis, are never applied."""

from dataclasses import replace
from random import Random
from uuid import UUID

import pytest
from redis.asyncio import Redis

from contracts.streams import EntryId, stream_name
from infrastructure.postgres import Pool
from projectors.entries import Entry, ShardBatch
from projectors.main import check_followers
from projectors.projections.task_detail import TASK_DETAIL
from tests.fold import find_unfolded, has_applied_everything
from tests.polling import poll_until
from tests.projectors.applying import SHARD, apply, batch_of, checkpoint_of
from tests.projectors.conftest import ProjectorStarter
from tests.projectors.stories import Written, envelope_of, task_story, write
from tests.projectors.test_process import is_reading
from tests.roots import root_in


def story_of(randomness: Random, least: int = 4) -> list[Written]:
    while len(story := task_story(randomness, root_in(SHARD, randomness))) < least:
        pass
    return story


@pytest.mark.parametrize("difference", ["event id", "epoch", "position"])
async def test_a_batch_that_ends_with_what_the_log_does_not_hold_is_not_applied(
    pool: Pool, randomness: Random, difference: str
) -> None:
    story = story_of(randomness)
    await write(pool, story[:-1])
    batch = await batch_of(pool, await checkpoint_of(pool, TASK_DETAIL))
    last = batch.entries[-1]
    ghosts = {
        "event id": replace(last, event_id=str(UUID(int=7))),
        "epoch": replace(last, id=EntryId(last.id.epoch + 1, last.id.position)),
        "position": Entry(SHARD, EntryId(1, len(story)), str(story[-1].event_id), envelope_of(story[-1])),
    }
    before = batch.entries if difference == "position" else batch.entries[:-1]
    entries = (*before, ghosts[difference])
    applied = await apply(pool, ShardBatch(SHARD, batch.checkpoint, entries))
    assert (dict(applied.moved), set(applied.lost)) == ({}, {SHARD})
    assert await checkpoint_of(pool, TASK_DETAIL) == batch.checkpoint
    assert await pool.fetchval("SELECT count(*) FROM read.task_detail") == 0
    assert (await apply(pool, batch)).moved == {SHARD: last.id}


async def add_ghosts(redis: Redis, story: list[Written]) -> None:
    """Put a story onto the stream that was never written to this log."""
    for position, written in enumerate(story, start=1):
        data = envelope_of(written)
        await redis.xadd(stream_name(SHARD), {"event_id": str(written.event_id), "__data__": data}, id=f"1-{position}")


async def test_projectors_leave_a_lost_future_on_the_stream_and_take_the_log(
    pool: Pool, redis: Redis, projectors: ProjectorStarter, randomness: Random
) -> None:
    await add_ghosts(redis, story_of(randomness, least=6))
    await write(pool, story_of(randomness))
    async with projectors() as session:
        await poll_until(lambda: has_applied_everything(pool))
        await write(pool, story_of(randomness, least=6))
        await poll_until(lambda: has_applied_everything(pool))
        await check_followers(session.followers)
    assert await find_unfolded(pool) == []


async def test_ghosts_that_come_live_are_left_and_said_once(
    pool: Pool, redis: Redis, projectors: ProjectorStarter, randomness: Random, capsys: pytest.CaptureFixture[str]
) -> None:
    async with projectors() as session:
        await poll_until(lambda: is_reading(session))
        await add_ghosts(redis, story_of(randomness, least=6))
        await poll_until(lambda: all(follower.haunted == {SHARD} for follower in session.followers))
        assert await pool.fetchval("SELECT count(*) FROM read.task_detail") == 0
        await write(pool, story_of(randomness))
        await poll_until(lambda: has_applied_everything(pool))
        await check_followers(session.followers)
    assert await find_unfolded(pool) == []
    assert capsys.readouterr().out.count("stream_differs_from_log") == len(session.followers)
