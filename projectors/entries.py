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


@dataclass(frozen=True, init=False)
class Entry:
    """One event of a shard: from a stream, for all projections, or from the log, for the one that asked.

    `event_id` is a UUID's text, as the stream or the log says beside the envelope. What else stands beside it only the
    log says, in `row`: of a stream's entry the envelope has to be opened, once for all.
    """

    shard: int
    id: EntryId
    event_id: str
    envelope: bytes
    row: LogRow | None

    def __init__(self, shard: int, id: EntryId, event_id: str, envelope: bytes, row: LogRow | None = None) -> None:  # noqa: A002 - as the field is called
        """Set all fields at once: made for every event, and one by one a frozen record costs three times as much."""
        self.__dict__.update(shard=shard, id=id, event_id=event_id, envelope=envelope, row=row)

    @cached_property
    def _opened(self) -> Recorded[Event]:
        return read_recorded(self.envelope)

    @property
    def recorded(self) -> Recorded[Event]:
        """The event; raises ValueError where the envelope is damaged or unknown.

        Kept where others will ask too. Else it is opened when it is folded and gone after it: that costs a third less
        than keeping a whole batch open.
        """
        return self._opened if self.row is None else read_recorded(self.envelope, self.row.event_type)

    @property
    def event_type(self) -> str:
        """The event's type; raises ValueError where only a damaged envelope could tell."""
        return self.row.event_type if self.row is not None else self._opened.type

    @property
    def aggregate_id(self) -> UUID:
        """The event's aggregate; raises ValueError where only a damaged envelope could tell."""
        return self.row.aggregate_id if self.row is not None else self._opened.aggregate_id

    @property
    def generation(self) -> int:
        """The aggregate's version with the event; raises ValueError where only a damaged envelope could tell."""
        return self.row.generation if self.row is not None else self._opened.generation

    @cached_property
    def root(self) -> UUID:
        """The event's root; raises ValueError where only a damaged envelope could tell."""
        return self.row.root_id if self.row is not None else read_root(self.envelope)


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
    return Entry(row.shard, entry_id, str(row.event_id), row.envelope, row)


def is_of_concern(projection: Projection, entry: Entry) -> bool:
    """Tell whether a projection has to look at an entry; raises ValueError where that can't be read."""
    return concerns(projection, entry.event_type)


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
