"""The apply step against a real database: exactly once, whoever else applies, and as far as it goes."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random

import pytest

from contracts.streams import EntryId
from infrastructure.postgres import Pool
from projectors.entries import Entry, ShardBatch
from projectors.inbox import Inbox, fall_behind, offer, take
from projectors.projections import PROJECTIONS
from projectors.projections.task_detail import TASK_DETAIL
from projectors.projections.tasks import TASKS
from projectors.services import apply_projection
from tests.fold import find_unfolded
from tests.projectors.applying import SHARD, apply, batch_of, checkpoint_of, dependencies_of
from tests.projectors.stories import task_story, write, write_tasks
from tests.roots import root_in
from tests.servers import TEST_SHARDS


async def test_a_batch_is_applied_once_however_often_it_comes(pool: Pool, randomness: Random) -> None:
    await write(pool, task_story(randomness, root_in(SHARD, randomness)))
    batch = await batch_of(pool, await checkpoint_of(pool, TASK_DETAIL))
    first, second = await apply(pool, batch), await apply(pool, batch)
    assert (first.moved, set(first.lost)) == ({SHARD: batch.entries[-1].id}, set())
    assert (dict(second.moved), set(second.lost)) == ({}, {SHARD})
    assert await pool.fetchval("SELECT count(*) FROM read.task_detail") == 1


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
async def test_batches_of_any_size_come_to_the_fold_of_the_log(pool: Pool, randomness: Random, limit: int) -> None:
    await write_tasks(pool, randomness, 30)
    for projection in PROJECTIONS:
        for shard in range(TEST_SHARDS):
            checkpoint = await checkpoint_of(pool, projection, shard)
            while (batch := await batch_of(pool, checkpoint, shard=shard, limit=limit)).entries:
                checkpoint = (await apply(pool, batch, projection)).moved[shard]
    assert await find_unfolded(pool) == []


async def test_many_shards_move_in_one_statement_and_a_lost_one_leaves_the_others(
    pool: Pool, randomness: Random
) -> None:
    await write(pool, [w for shard in range(4) for w in task_story(randomness, root_in(shard, randomness))])
    start = await checkpoint_of(pool, TASKS)
    batches = [await batch_of(pool, start, shard=shard) for shard in range(4)]
    await apply(pool, batches[2], TASKS)
    announced: list[Mapping[str, str]] = []
    applied = await apply_projection(TASKS, batches, dependencies_of(pool, announced))
    assert (set(applied.moved), set(applied.lost)) == ({0, 1, 3}, {2})
    assert await pool.fetchval("SELECT count(*) FROM read.task_list") == 4
    assert [list(stamps) for stamps in announced] == [["task_list/default"]]


async def test_a_shard_counts_up_to_the_event_that_fails(pool: Pool, randomness: Random) -> None:
    await write(pool, task_story(randomness, root_in(SHARD, randomness)))
    batch = await batch_of(pool, await checkpoint_of(pool, TASK_DETAIL))
    damaged = replace(batch.entries[1], envelope=b"{}")
    applied = await apply(pool, ShardBatch(SHARD, batch.checkpoint, (batch.entries[0], damaged, *batch.entries[2:])))
    assert applied.moved == {SHARD: batch.entries[0].id}
    assert applied.failures[SHARD].at == damaged.id
    assert "ValidationError" in applied.failures[SHARD].error


async def test_an_event_whose_view_is_missing_fails_and_writes_nothing(pool: Pool, randomness: Random) -> None:
    await write(pool, task_story(randomness, root_in(SHARD, randomness))[1:])
    applied = await apply(pool, await batch_of(pool, await checkpoint_of(pool, TASK_DETAIL)))
    assert applied.moved == {}
    assert "which is not there" in applied.failures[SHARD].error
    for table in ("task_detail", "task_messages"):
        assert await pool.fetchval(f"SELECT count(*) FROM read.{table}") == 0  # noqa: S608 - our own tables


async def test_the_inbox_gives_out_only_what_follows_without_a_gap(pool: Pool, randomness: Random) -> None:
    while len(story := task_story(randomness, root_in(SHARD, randomness))) < 4:
        pass
    await write(pool, story)
    entries = (await batch_of(pool, EntryId(1, 0))).entries
    inbox = Inbox(TASKS)
    offer(inbox, entries[:2])
    offer(inbox, entries[1:2])
    assert [batch.entries for batch in take(inbox, {SHARD: EntryId(1, 1)}, 100)] == [entries[1:2]]
    offer(inbox, entries[3:])
    assert take(inbox, {SHARD: EntryId(1, 2)}, 100) == []
    assert inbox.behind == {SHARD: entries[-1].id.position}


async def test_the_inbox_drops_what_comes_while_the_log_is_read(pool: Pool, randomness: Random) -> None:
    await write(pool, task_story(randomness, root_in(SHARD, randomness)))
    entries = (await batch_of(pool, EntryId(1, 0))).entries
    inbox = Inbox(TASKS)
    fall_behind(inbox, SHARD, 1)
    offer(inbox, entries)
    assert (inbox.queues, inbox.behind) == ({}, {SHARD: len(entries)})


async def test_an_entry_of_another_epoch_is_left_to_the_log(pool: Pool, randomness: Random) -> None:
    await write(pool, task_story(randomness, root_in(SHARD, randomness)))
    entries = (await batch_of(pool, EntryId(1, 0))).entries
    inbox = Inbox(TASKS)
    offer(inbox, entries)
    assert take(inbox, {SHARD: EntryId(2, 0)}, 100) == []
    assert SHARD in inbox.behind


async def test_a_slow_projection_drops_hints_instead_of_growing(pool: Pool, randomness: Random) -> None:
    await write(pool, task_story(randomness, root_in(SHARD, randomness)))
    [first, *_] = (await batch_of(pool, EntryId(1, 0))).entries
    inbox = Inbox(TASKS)
    for number in range(1, 20_000):
        offer(inbox, [Entry(SHARD, EntryId(1, number), first.event_id, first.envelope)])
    assert sum(len(queue) for queue in inbox.queues.values()) <= 4_000
    assert inbox.held["entries"] == sum(len(queue) for queue in inbox.queues.values())
    assert inbox.behind == {SHARD: 19_999}
