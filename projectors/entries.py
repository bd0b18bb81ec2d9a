"""Entries of the line on their way into projections, and which of them come next."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from contracts.events import Event
from contracts.streams import EntryId
from infrastructure.event_log import LogRow
from projectors.projections import Projection, Recorded, concerns, read_recorded, read_root, read_unreadable

__all__ = ["Entry", "ShardBatch", "entry_of_row", "is_of_concern", "split_by_shard", "tags_of"]


@dataclass(frozen=True)
class Entry:
    """One event of a shard, from a stream or from the log.

    Only the log says type and root without opening the envelope: what can't be opened is taken from there. `event_id`
    is a UUID's text, as the stream or the log says beside the envelope.
    """

    shard: int
    id: EntryId
    event_id: str
    envelope: bytes
    event_type: str | None = None
    root_id: UUID | None = None

    @cached_property
    def recorded(self) -> Recorded[Event]:
        """The event, read once for all projections; raises ValueError where the envelope is damaged or unknown."""
        return read_recorded(self.envelope)

    @cached_property
    def root(self) -> UUID:
        """The event's root; raises ValueError where only a damaged envelope could tell."""
        return self.root_id or read_root(self.envelope)


@dataclass(frozen=True, slots=True)
class ShardBatch:
    """Entries of one shard without gaps, the first at the position after the checkpoint.

    `may_park` says that they are from the log and failed before: what fails now is parked, instead of stopping there.
    """

    shard: int
    checkpoint: EntryId
    entries: tuple[Entry, ...]
    may_park: bool = False

    def event_id_at(self, position: int) -> str:
        """Return the id of the event at a position of the batch."""
        return self.entries[position - self.checkpoint.position - 1].event_id


def entry_of_row(row: LogRow) -> Entry:
    """Return a row of the log as an entry."""
    entry_id = EntryId(row.epoch, row.position)
    return Entry(row.shard, entry_id, str(row.event_id), row.envelope, row.event_type, row.root_id)


def is_of_concern(projection: Projection, entry: Entry) -> bool:
    """Tell whether a projection has to look at an entry; raises ValueError where that can't be read."""
    return concerns(projection, entry.event_type or entry.recorded.type)


def tags_of(projection: Projection, entry: Entry) -> tuple[str, ...]:
    """Name the cached answers that an entry makes out of date, also where it is parked; none for a damaged envelope."""
    try:
        if not is_of_concern(projection, entry):
            return ()
        return projection.tags(entry.recorded)
    except ValueError:
        pass
    try:
        return projection.tags(read_unreadable(entry.envelope))
    except ValueError:
        return ()


def split_by_shard(entries: Iterable[Entry]) -> dict[int, list[Entry]]:
    """Return the entries of each shard, in the order they came."""
    shards: dict[int, list[Entry]] = {}
    for entry in entries:
        shards.setdefault(entry.shard, []).append(entry)
    return shards
