"""The step of a projector by itself: a batch from the log, applied to the rows of a shard."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from contracts.streams import EntryId
from infrastructure.event_log import read_log
from infrastructure.postgres import Pool
from infrastructure.read_checkpoints import open_serving, read_standings
from infrastructure.read_store import Move, TableRows, load_bodies, save_batch
from infrastructure.read_versions import ReadVersion
from projectors.entries import ShardBatch, entry_of_row
from projectors.projections import Projection
from projectors.projections.task_detail import TASK_DETAIL
from projectors.services import Applied, ApplyDependencies, apply_projection

__all__ = ["SHARD", "apply", "batch_of", "checkpoint_of", "dependencies_of"]

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
