"""The steps of relay and projectors, one by one, through the names that `tests.faults.broken` replaces."""

import asyncio
from collections.abc import Sequence
from functools import partial

from redis.asyncio import Redis

import projectors.main
from bureau.verification import Scope, verify
from contracts.streams import EntryId
from infrastructure.event_log import read_log
from infrastructure.postgres import Pool
from infrastructure.read_checkpoints import open_serving
from infrastructure.read_store import load_bodies
from outbox_relay.board import Board
from outbox_relay.main import Wiring, create_dependencies
from outbox_relay.records import RelayRequest, ShardState
from outbox_relay.services.relay_batch import relay_batch
from projectors.entries import Entry, ShardBatch, entry_of_row
from projectors.projections import PROJECTIONS, Projection
from projectors.services import Applied, ApplyDependencies, apply_projection
from tests.projectors.applying import checkpoint_of
from tests.servers import TEST_SHARDS

__all__ = ["apply_entries", "differences", "project", "relay_everything", "take_entries"]

_ROUNDS = 20


async def relay_everything(pool: Pool, redis: Redis, shards: Sequence[int] = range(TEST_SHARDS)) -> dict[int, str]:
    """Carry until nothing moves, as a relay that has just started; return the errors of the shards that stopped."""
    dependencies = create_dependencies(Wiring(pool, redis, Board(), asyncio.Event()))
    request = RelayRequest({shard: ShardState() for shard in shards}, is_check=True)
    for _ in range(_ROUNDS):
        relayed = await relay_batch(request, dependencies)
        request = RelayRequest(relayed.shards, is_check=False)
        if not relayed.is_behind and not relayed.events:
            break
    return {shard: state.error for shard, state in request.shards.items() if state.error}


async def take_entries(pool: Pool, shard: int, after: int, *, limit: int = 1000) -> tuple[Entry, ...]:
    rows = await read_log(pool, {shard: after}, limit=limit, max_bytes=1 << 30)
    return tuple(entry_of_row(row) for row in rows)


async def apply_entries(
    pool: Pool, projection: Projection, shard: int, checkpoint: EntryId, entries: tuple[Entry, ...]
) -> Applied:
    """Apply entries as a projector does that has taken them at a checkpoint."""
    save = vars(projectors.main)["save_batch"]  # as it is replaced at the moment
    dependencies = ApplyDependencies(
        partial(load_bodies, pool), partial(save, pool), lambda _version, _moved, _stamps: None
    )
    return await apply_projection(projection, [ShardBatch(shard, checkpoint, entries)], dependencies)


async def project(pool: Pool, projections: Sequence[Projection] = PROJECTIONS) -> None:
    """Bring projections to the head of the log, shards at the same time."""

    async def follow(projection: Projection, shard: int) -> None:
        checkpoint = await checkpoint_of(pool, projection, shard)
        if entries := await take_entries(pool, shard, checkpoint.position):
            await apply_entries(pool, projection, shard, checkpoint, entries)

    for projection in projections:
        await open_serving(pool, projection.name)
        await asyncio.gather(*(follow(projection, shard) for shard in range(TEST_SHARDS)))


async def differences(
    pool: Pool, redis: Redis, projections: Sequence[Projection] = (), *, has_streams: bool = True
) -> set[str]:
    """Return the kinds of differences that the oracle finds."""
    scope = Scope(
        is_deep=True,
        has_streams=has_streams,
        has_write_side=False,
        has_receipts=False,
        projections=projections,
        patience_seconds=0,
    )
    return {difference.kind.value for difference in (await verify(pool, redis, scope)).differences}
