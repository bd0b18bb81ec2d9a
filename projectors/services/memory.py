"""What a projection remembers of what it saved last, so that most batches need no load.

It counts only at the entry that it was saved at, and only while the log still holds that event: the database may have
gone back in time, and come to the same entry id with another event, while this process stood still.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final
from uuid import UUID

from contracts.record import Record
from contracts.streams import EntryId
from infrastructure.read_store import Move
from projectors.projections import Projection
from projectors.services.fold import Fold, Readable

__all__ = ["Memory", "Remembered", "event_remembered_at", "keys_to_load", "recall", "remember"]

_MOST_REMEMBERED: Final = 100


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


def _views(shard: Readable, memory: Memory) -> Mapping[UUID, Mapping[str, Record]]:
    """Return what is remembered of a shard at its checkpoint."""
    remembered = memory.get(shard.shard)
    return remembered.views if remembered is not None and remembered.at == shard.checkpoint else {}


def keys_to_load(projection: Projection, shards: Iterable[Readable], memory: Memory) -> dict[str, list[UUID]]:
    """Return the keys of the rows that must be loaded, by table: not what is remembered or comes into being here."""
    if not projection.views:
        return {}
    first_seen: dict[UUID, int] = {}
    for shard in shards:
        remembered = _views(shard, memory)
        for _, recorded in shard.recorded:
            if recorded.aggregate_id not in remembered:
                first_seen.setdefault(recorded.aggregate_id, recorded.generation)
    keys = sorted(key for key, generation in first_seen.items() if generation > 1)
    return {table.table: keys for table in projection.views}


def recall(projection: Projection, shards: Iterable[Readable], memory: Memory) -> dict[str, dict[UUID, Record]]:
    """Return the remembered views of the aggregates that some shards' events are about, by table."""
    views: dict[str, dict[UUID, Record]] = {table.table: {} for table in projection.views}
    for shard in shards:
        remembered = _views(shard, memory)
        for key in {recorded.aggregate_id for _, recorded in shard.recorded} & remembered.keys():
            for table, view in remembered[key].items():
                views[table][key] = view
    return views


def remember(fold: Fold, memory: Memory, moves: Sequence[Move]) -> None:
    """Keep the views that were saved with some moves; of a shard's the oldest make room."""
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
        for key in list(islice(views, max(0, len(views) - _MOST_REMEMBERED))):
            del views[key]
