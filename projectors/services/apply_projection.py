"""The apply step of the line: load → project → save + checkpoint in the same transaction → forget cache.

Reads the rows of the batch's aggregates, writes rows and checkpoints in one statement, and afterwards says which cached
answers are out of date. Load and save need no common transaction: the save moves a checkpoint only from where it stood
when the batch was taken, so that nothing can have changed in between. Never waits for Redis.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from contracts.streams import EntryId
from infrastructure.read_store import Move, SaveMode, TableRows
from infrastructure.read_versions import FIRST_VERSION, ReadVersion
from projectors.entries import ShardBatch
from projectors.projections import Projection
from projectors.services.fold import (
    Failure,
    Fold,
    Memory,
    Readable,
    fold_shard,
    keys_to_load,
    read_shard,
    recall,
    remember,
    rows_to_save,
)

__all__ = ["Applied", "ApplyDependencies", "Failure", "apply_projection"]

type Bodies = dict[str, dict[UUID, bytes]]


@dataclass(frozen=True, slots=True)
class ApplyDependencies:
    """What the step needs: finding rows, saving a batch, saying what was applied (without waiting), and the version.

    `memory` is one projection's: the views of what changed last, so that most batches need no load. The fence covers
    it: a batch that starts from what was true at another checkpoint is never saved.
    """

    load_bodies: Callable[[ReadVersion, Mapping[str, Sequence[UUID]]], Awaitable[Bodies]]
    save_batch: Callable[[ReadVersion, Sequence[Move], Sequence[TableRows]], Awaitable[set[int]]]
    announce: Callable[[ReadVersion, Mapping[int, EntryId], Mapping[str, str]], None]
    version: int = FIRST_VERSION
    memory: Memory = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a batch: shards that moved and where to, shards that could not, shards that failed.

    A shard is lost where somebody else moved it, or where the log does not hold the entry that the batch ends with.
    """

    moved: Mapping[int, EntryId]
    lost: frozenset[int]
    failures: Mapping[int, Failure]


async def _load(projection: Projection, shards: Sequence[Readable], dependencies: ApplyDependencies) -> Fold:
    """Return the views that the batch starts from."""
    keys = keys_to_load(projection, shards, dependencies.memory)
    views = recall(projection, shards, dependencies.memory)
    version = ReadVersion(projection.name, dependencies.version)
    bodies = await dependencies.load_bodies(version, keys) if any(keys.values()) else {}
    for table in projection.views:
        for key, body in bodies.get(table.table, {}).items():
            views[table.table][key] = table.view.model_validate_json(body)
    rows: dict[str, list[tuple[object, ...]]] = {table.table: [] for table in projection.rows}
    return Fold(views=views, rows=rows, sums={table.table: {} for table in projection.sums})


def _tables(projection: Projection, fold: Fold) -> list[TableRows]:
    """Return what is saved, table by table."""
    how: dict[str, SaveMode] = {table.table: "replace" for table in projection.views}
    how.update((table.table, "insert") for table in projection.rows)
    how.update((table.table, "add") for table in projection.sums)
    return [TableRows(name, how[name], rows) for name, rows in rows_to_save(projection, fold).items()]


def _stamps(projection: Projection, version: ReadVersion, shards: Sequence[Readable]) -> dict[str, str]:
    """Return the version's cached answers to forget, each with a stamp that is this batch's alone."""
    stamps: dict[str, str] = {}
    for shard in shards:
        stamp = f"{projection.name}/{shard.shard}/{shard.reached}"
        for _, recorded in shard.recorded:
            stamps.update(dict.fromkeys(map(version.qualify, projection.tags(recorded)), stamp))
    return stamps


async def apply_projection(
    projection: Projection, batch: Sequence[ShardBatch], dependencies: ApplyDependencies
) -> Applied:
    """Apply the entries of some shards to one projection, exactly once.

    A shard counts up to its first event that fails. Raises what the database raises; then nothing was applied.
    """
    readable = [read_shard(projection, shard) for shard in batch]
    fold = await _load(projection, readable, dependencies)
    folded = [fold_shard(projection, fold, shard) for shard in readable]
    moves = [
        Move(shard.shard, shard.checkpoint, shard.reached, taken.event_id_at(shard.reached.position))
        for taken, shard in zip(batch, folded, strict=True)
        if shard.reached != shard.checkpoint
    ]
    failures = {shard.shard: shard.failure for shard in folded if shard.failure is not None}
    if not moves:
        return Applied({}, frozenset(), failures)
    version = ReadVersion(projection.name, dependencies.version)
    saved = await dependencies.save_batch(version, moves, _tables(projection, fold))
    moved = {move.shard: move.reached for move in moves if move.shard in saved}
    remember(fold, dependencies.memory, moved)
    stamps = _stamps(projection, version, [shard for shard in folded if shard.shard in saved])
    dependencies.announce(version, moved, stamps)
    return Applied(moved, frozenset(move.shard for move in moves) - saved, failures)
