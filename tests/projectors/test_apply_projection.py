"""The apply step against a real database: exactly once, whoever else applies, and as far as it goes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from uuid import UUID

import pytest

from contracts.streams import EntryId
from infrastructure.event_log import read_log
from infrastructure.postgres import Pool
from infrastructure.read_checkpoints import open_serving, read_standings
from infrastructure.read_store import Move, TableRows, load_bodies, save_batch
from infrastructure.read_versions import ReadVersion
from projectors.entries import Entry, ShardBatch, entry_of_row
from projectors.inbox import Inbox, fall_behind, offer, take
from projectors.projections import PROJECTIONS, Projection
from projectors.projections.task_detail import TASK_DETAIL
from projectors.projections.tasks import TASKS
from projectors.services import Applied, ApplyDependencies, apply_projection
from tests.fold import find_unfolded
from tests.projectors.stories import root_in, task_story, write, write_tasks
from tests.servers import TEST_SHARDS

SHARD = 5


def dependencies_of(pool: Pool, announced: list[Mapping[str, str]] | None = None) -> ApplyDependencies:
    async def load(version: ReadVersion, keys: Mapping[str, Sequence[UUID]]) -> dict[str, dict[UUID, bytes]]:
        return await load_bodies(pool, version, keys)

    async def save(version: ReadVersion, moves: Sequence[Move], tables: Sequence[TableRows]) -> set[int]:
        return await save_batch(pool, version, moves, tables)

    def announce(_version: ReadVersion, _applied: Mapping[int, EntryId], stamps: Mapping[str, str]) -> None:
        if announced is not None:
            announced.append(stamps)

    return ApplyDependencies(load, save, announce)


async def batch_of(pool: Pool, checkpoint: EntryId, *, shard: int = SHARD, limit: int = 1000) -> ShardBatch:
    rows = await read_log(pool, {shard: checkpoint.position}, limit=limit, max_bytes=10_000_000)
    return ShardBatch(shard, checkpoint, tuple(entry_of_row(row) for row in rows))


async def checkpoint_of(pool: Pool, projection: Projection, shard: int = SHARD) -> EntryId:
    return (await read_standings(pool, await open_serving(pool, projection.name)))[shard].checkpoint


async def apply(pool: Pool, batch: ShardBatch, projection: Projection = TASK_DETAIL) -> Applied:
    return await apply_projection(projection, [batch], dependencies_of(pool))


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
