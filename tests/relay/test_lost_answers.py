"""A crash at every point of a pass: before the append, after it, and with only a part of it done."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from infrastructure.log_batches import LogBatch
from infrastructure.postgres import Pool
from infrastructure.stream_writer import AppendAnswer
from outbox_relay.board import Board
from outbox_relay.dependencies import RelayDependencies
from outbox_relay.main import Wiring, create_dependencies
from outbox_relay.records import RelayRequest, ShardState
from outbox_relay.services.relay_batch import relay_batch
from tests.oracle import find_differences, has_caught_up
from tests.relay.events import append_many
from tests.servers import TEST_SHARDS

FRESH = {shard: ShardState() for shard in range(TEST_SHARDS)}


class PowerCutError(ConnectionError):
    pass


def with_power_cuts(dependencies: RelayDependencies, randomness: random.Random) -> RelayDependencies:
    """Let appends fail before, after, or after some shards; sometimes a batch of long ago arrives once more."""
    delayed: list[LogBatch] = []

    async def append(batches: Sequence[LogBatch]) -> Sequence[AppendAnswer]:
        if delayed and randomness.random() < 0.3:
            await dependencies.append_batches([delayed.pop(randomness.randrange(len(delayed)))])
        delayed.extend(randomness.sample(batches, k=min(2, len(batches))))
        if randomness.random() < 0.5:
            return await dependencies.append_batches(batches)
        await dependencies.append_batches(batches[: randomness.randrange(len(batches) + 1)])
        raise PowerCutError

    return replace(dependencies, append_batches=append)


@pytest.mark.parametrize("seed", range(5))
async def test_answers_that_never_arrive_and_calls_that_arrive_late_change_nothing(
    pool: Pool, redis: Redis, seed: int
) -> None:
    randomness = random.Random(seed)
    await append_many(pool, 40_000, randomness, roots=100, size=20)
    honest = create_dependencies(Wiring(pool, redis, Board(), asyncio.Event()))
    dependencies = with_power_cuts(honest, randomness)
    request = RelayRequest(FRESH, is_check=True)
    crashes = 0
    while not await has_caught_up(pool, redis):
        try:
            relayed = await relay_batch(request, dependencies)
        except PowerCutError:
            crashes += 1
            request = RelayRequest(FRESH, is_check=False)
        else:
            request = RelayRequest(relayed.shards, is_check=False, ahead=relayed.ahead)
    assert crashes
    assert await find_differences(pool, redis) == []
