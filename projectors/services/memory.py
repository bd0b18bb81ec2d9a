"""What a projection remembers of what it saved last, so that most batches need no load.

It counts only at the entry that it was saved at, and only while the log still holds that event: the database may have
gone back in time, and come to the same entry id with another event, while this process stood still.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from contracts.record import Record
from contracts.streams import EntryId
from infrastructure.read_store import Move
from projectors.entries import ShardBatch, is_of_concern
from projectors.projections import Projection
from projectors.services.fold import Fold

__all__ = ["Memory", "Remembered", "event_remembered_at", "first_generations", "recall", "remember"]


@dataclass(frozen=True, slots=True)
class Remembered:
    """A shard's views by aggregate and table, as they were saved at an entry, and the id of the event there."""

    at: EntryId
    event_id: str
    views: dict[UUID, dict[str, Record]]


type Memory = dict[int, Remembered]
"""What is remembered by shard; whoever loses a shard must forget it."""


def event_remembered_at(memory: Memory, shard: int, checkpoint: EntryId) -> str:
    """Return the id of the event that must still be in the log at a checkpoint; empty where nothing is remembered."""
    remembered = memory.get(shard)
    return remembered.event_id if remembered is not None and remembered.at == checkpoint else ""


def _views(batch: ShardBatch, memory: Memory) -> Mapping[UUID, Mapping[str, Record]]:
    """Return what is remembered of a shard at its checkpoint."""
    remembered = memory.get(batch.shard)
    return remembered.views if remembered is not None and remembered.at == batch.checkpoint else {}


def first_generations(projection: Projection, batch: ShardBatch, parked: Collection[UUID]) -> dict[UUID, int]:
    """Return the aggregates that a batch's entries are about, with the generation that each has in its first one.

    Those of parked roots are left out, and what can't be read: it fails when it is folded.
    """
    found: dict[UUID, int] = {}
    for entry in batch.entries:
        try:
            if is_of_concern(projection, entry) and not (parked and entry.root in parked):
                found.setdefault(entry.aggregate_id, entry.generation)
        except ValueError:
            continue
    return found


def recall(
    projection: Projection, batch: ShardBatch, generations: Mapping[UUID, int], memory: Memory
) -> tuple[dict[str, dict[UUID, Record]], list[UUID]]:
    """Return the remembered views of a shard's aggregates by table, and which rows must be loaded.

    Those are neither remembered nor come into being here.
    """
    remembered = _views(batch, memory)
    known = generations.keys() & remembered.keys()
    views = {table.table: {key: remembered[key][table.table] for key in known} for table in projection.views}
    return views, [key for key, generation in generations.items() if generation > 1 and key not in known]


def remember(fold: Fold, memory: Memory, moves: Sequence[Move], most: int) -> None:
    """Keep the views that were saved with some moves, at most so many a shard: the oldest make room."""
    for move in moves:
        before = memory.get(move.shard)
        views = before.views if before is not None and before.at == move.expected else {}
        memory[move.shard] = Remembered(move.reached, move.event_id, views)
    moved = {move.shard for move in moves}
    for key, (shard, _) in fold.changed.items():
        if shard in moved:
            views = memory[shard].views
            views.pop(key, None)
            views[key] = {table: saved[key] for table, saved in fold.views.items()}
    for shard in moved:
        views = memory[shard].views
        for key in list(islice(views, max(0, len(views) - most))):
            del views[key]
