"""The apply step of the line: load → project → save + checkpoint in the same transaction → forget cache.

Reads the rows of the batch's aggregates, writes rows and checkpoints in one statement, and afterwards says which cached
answers are out of date. Load and save need no common transaction: the save moves a checkpoint only from where it stood
when the batch was taken, so that nothing can have changed in between. What belongs to a parked root, or fails where the
batch may park, is kept as a dead letter in the same statement. Never waits for Redis.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from contracts.streams import EntryId
from infrastructure.identifiers import new_id
from infrastructure.parking import NOTHING_PARKED, Parked, ParkedRoots
from infrastructure.read_store import Move, SaveMode, TableRows
from infrastructure.read_versions import FIRST_VERSION, ReadVersion
from projectors.entries import ShardBatch, tags_of
from projectors.projections import Projection
from projectors.services.fold import (
    AS_NUMBER,
    Failure,
    Fold,
    Folded,
    Held,
    explain,
    fold_shard,
    open_fold,
    rows_to_save,
)
from projectors.services.memory import Memory, event_remembered_at, first_generations, recall, remember

__all__ = [
    "Applied",
    "ApplyDependencies",
    "Failure",
    "Held",
    "apply_projection",
    "explain",
    "load_fold",
    "park_entry",
    "tables_of",
]

type Bodies = dict[str, dict[UUID, bytes]]


@dataclass(frozen=True, slots=True)
class ApplyDependencies:
    """What the step needs: finding rows, saving a batch, saying what was applied (without waiting), and the version.

    Nothing is said of a version that nobody reads yet: `announce` is None then.

    `memory` is one projection's: the views of what changed last, so that most batches need no load, at most
    `remembered` a shard; `parked` its parked roots by shard. The fence covers both: a batch that starts from what was
    true at another checkpoint, or with other roots parked, is never saved.
    """

    load_bodies: Callable[[ReadVersion, Mapping[str, Sequence[UUID]]], Awaitable[Bodies]]
    save_batch: Callable[[ReadVersion, Sequence[Move], Sequence[TableRows]], Awaitable[set[int]]]
    announce: Callable[[ReadVersion, Mapping[int, EntryId], Mapping[str, str]], None] | None
    version: int = FIRST_VERSION
    memory: Memory = field(default_factory=dict)
    remembered: int = 100
    parked: dict[int, ParkedRoots] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a batch: shards that moved and where to, shards that could not, shards that failed.

    A shard is lost where somebody else moved it, or where the log does not hold the entry that the batch ends with.
    `parked` are the events by which roots were parked, by shard.
    """

    moved: Mapping[int, EntryId]
    lost: frozenset[int]
    failures: Mapping[int, Failure]
    parked: Mapping[int, Sequence[Held]] = field(default_factory=dict)


def _parked_roots(shard: int, dependencies: ApplyDependencies) -> frozenset[UUID]:
    """Return the parked roots of a shard."""
    return dependencies.parked.get(shard, NOTHING_PARKED).roots


async def load_fold(projection: Projection, batches: Sequence[ShardBatch], dependencies: ApplyDependencies) -> Fold:
    """Return the views that the batches start from."""
    fold = open_fold(projection)
    missing: list[UUID] = []
    for batch in batches if projection.views else ():
        generations = first_generations(projection, batch, _parked_roots(batch.shard, dependencies))
        remembered, to_load = recall(projection, batch, generations, dependencies.memory)
        missing += to_load
        for name, views in remembered.items():
            fold.views[name].update(views)
    if missing:
        keys = dict.fromkeys(fold.views, sorted(missing, key=AS_NUMBER))
        bodies = await dependencies.load_bodies(ReadVersion(projection.name, dependencies.version), keys)
        for table in projection.views:
            for key, body in bodies.get(table.table, {}).items():
                fold.views[table.table][key] = table.view.model_validate_json(body)
    return fold


def tables_of(projection: Projection, fold: Fold) -> list[TableRows]:
    """Return what is saved, table by table."""
    how: dict[str, SaveMode] = {table.table: "replace" for table in projection.views}
    how.update((table.table, "insert") for table in projection.rows)
    how.update((table.table, "add") for table in projection.sums)
    return [TableRows(name, how[name], rows) for name, rows in rows_to_save(projection, fold).items()]


def _stamps(projection: Projection, version: ReadVersion, shards: Sequence[Folded]) -> dict[str, str]:
    """Return the version's cached answers to forget, each with a stamp that is this batch's alone; the parked too."""
    stamps: dict[str, str] = {}
    for shard in shards:
        stamp = f"{projection.name}/{shard.shard}/{shard.reached}"
        stamps.update(dict.fromkeys(map(version.qualify, shard.tags), stamp))
        for held in shard.held:
            stamps.update(dict.fromkeys(map(version.qualify, tags_of(projection, held.entry)), stamp))
    return stamps


def _move(taken: ShardBatch, shard: Folded, dependencies: ApplyDependencies) -> Move:
    """Return the move of a shard's checkpoint; where it parks another root, with a new revision."""
    known = dependencies.parked.get(shard.shard, NOTHING_PARKED)
    is_more = any(held.entry.root not in known.roots for held in shard.held)
    return Move(
        shard.shard,
        shard.checkpoint,
        shard.reached,
        taken.event_id_at(shard.reached.position),
        expected_event=event_remembered_at(dependencies.memory, shard.shard, shard.checkpoint),
        revision=known.revision,
        next_revision=new_id() if is_more else known.revision,
        parked=[Parked(held.entry.id.position, held.error) for held in shard.held],
    )


async def _save(
    projection: Projection, fold: Fold, pairs: Sequence[tuple[ShardBatch, Folded]], dependencies: ApplyDependencies
) -> Applied:
    """Save what a batch came to, take over what it leaves behind, and say what was applied."""
    known = dependencies.parked
    folded = [shard for _, shard in pairs]
    moves = [_move(taken, shard, dependencies) for taken, shard in pairs if shard.reached != shard.checkpoint]
    failures = {shard.shard: shard.failure for shard in folded if shard.failure is not None}
    if not moves:
        return Applied({}, frozenset(), failures)
    version = ReadVersion(projection.name, dependencies.version)
    saved = await dependencies.save_batch(version, moves, tables_of(projection, fold))
    moved = {move.shard: move.reached for move in moves if move.shard in saved}
    remember(fold, dependencies.memory, [move for move in moves if move.shard in saved], dependencies.remembered)
    arrived = [shard for shard in folded if shard.shard in saved]
    revisions = {move.shard: move.next_revision for move in moves}
    for shard in arrived:
        if shard.held:
            roots = known.get(shard.shard, NOTHING_PARKED).roots | {held.entry.root for held in shard.held}
            known[shard.shard] = ParkedRoots(revisions[shard.shard], roots)
    if dependencies.announce is not None:
        dependencies.announce(version, moved, _stamps(projection, version, arrived))
    parked = {shard.shard: [held for held in shard.held if held.error is not None] for shard in arrived if shard.held}
    return Applied(moved, frozenset(revisions.keys() - saved), failures, parked)


async def apply_projection(
    projection: Projection, batch: Sequence[ShardBatch], dependencies: ApplyDependencies
) -> Applied:
    """Apply the entries of some shards to one projection, exactly once.

    A shard counts up to its first event that fails, or goes on without that event's root where the batch may park.
    Raises what the database raises; then nothing was applied.
    """
    fold = await load_fold(projection, batch, dependencies)
    has_tags = dependencies.announce is not None
    pairs = [
        (shard, fold_shard(projection, fold, shard, _parked_roots(shard.shard, dependencies), has_tags=has_tags))
        for shard in batch
    ]
    return await _save(projection, fold, pairs, dependencies)


async def park_entry(projection: Projection, batch: ShardBatch, error: str, dependencies: ApplyDependencies) -> Applied:
    """Park the one entry of a batch that can be read but not be saved. Raises what the database raises."""
    [entry] = batch.entries
    shard = Folded(batch.shard, batch.checkpoint, entry.id, held=(Held(entry, error),))
    return await _save(projection, open_fold(projection), [(batch, shard)], dependencies)
