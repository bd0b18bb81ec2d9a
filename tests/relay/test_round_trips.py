"""What the relay asks its servers: once for all shards, and for what comes next while it appends."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from redis.asyncio import Redis

from contracts.streams import EntryId
from infrastructure.log_batches import LogBatch
from infrastructure.postgres import Connection, Pool, open_pool
from infrastructure.stream_writer import AppendAnswer
from outbox_relay.board import Board
from outbox_relay.main import EVENTS_A_SHARD, Wiring, create_dependencies
from outbox_relay.records import RelayRequest, ShardState
from outbox_relay.services.follow_log import follow_log
from outbox_relay.services.relay_batch import relay_batch
from tests.oracle import find_differences, has_caught_up
from tests.polling import poll_until
from tests.relay.events import append_event, append_many
from tests.roots import root_in
from tests.servers import TEST_SHARDS


async def read_requests(redis: Redis) -> int:
    """Return how often Redis was sent something, this question included."""
    return int((await redis.info("stats"))["total_reads_processed"])


async def test_all_shards_are_read_in_one_statement_and_appended_in_one_round_trip(
    pool: Pool, redis: Redis, database_url: str, randomness: random.Random
) -> None:
    statements = list[str]()

    async def listen(connection: Connection) -> None:
        connection.add_query_logger(lambda logged: statements.append(logged.query))

    watched = await open_pool(database_url, size=2, application_name="relay test", on_connect=listen)
    dependencies = create_dependencies(Wiring(watched, redis, Board(), asyncio.Event()))
    request = RelayRequest({shard: ShardState() for shard in range(TEST_SHARDS)}, is_check=True)
    located = await relay_batch(request, dependencies)  # which loads the script as well
    for shard in range(TEST_SHARDS):
        await append_event(pool, root_in(shard, randomness), 1, randomness, size=20)
    statements.clear()
    before = await read_requests(redis)

    relayed = await relay_batch(RelayRequest(located.shards, is_check=False), dependencies)

    assert await read_requests(redis) - before == 2
    assert len(statements) == 1
    assert relayed.events == TEST_SHARDS
    assert await find_differences(pool, redis) == []
    watched.terminate()


async def test_what_comes_next_is_read_while_the_streams_are_appended_to(
    pool: Pool, redis: Redis, randomness: random.Random
) -> None:
    await append_many(pool, 2 * EVENTS_A_SHARD + 100, randomness, roots=1)
    board, stop, reads, appending = Board(), asyncio.Event(), list[tuple[int, int]](), list[int]()
    wired = create_dependencies(Wiring(pool, redis, board, asyncio.Event()))

    async def read(ends: Mapping[int, EntryId]) -> Sequence[LogBatch]:
        under_way = len(appending)
        batches = await wired.read_batches(ends)
        reads.append((under_way, sum(len(batch.ids) for batch in batches)))
        return batches

    async def append(batches: Sequence[LogBatch]) -> Sequence[AppendAnswer]:
        appending.append(1)
        try:
            return await wired.append_batches(batches)
        finally:
            appending.pop()

    # Its clock stands still, so that it only looks once at what is there already.
    dependencies = replace(wired, read_batches=read, append_batches=append, monotonic_seconds=lambda: 0.0)
    following = asyncio.create_task(follow_log(dependencies, stop))
    await poll_until(lambda: has_caught_up(pool, redis))
    stop.set()
    await following

    assert [each for each in reads if each[1]] == [(0, EVENTS_A_SHARD), (1, EVENTS_A_SHARD), (1, 100)]
    assert await find_differences(pool, redis) == []
