"""One page of a shard's log against itself and against its stream: what is given is compared, nothing is read."""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from bureau.verification.differences import Kind
from contracts.streams import EntryId
from infrastructure.epochs import EpochRow
from infrastructure.verification import LoggedEvent, LogPage, ShardCut
from infrastructure.verification_streams import StreamedEvent

__all__ = ["compare_entries", "compare_log", "compare_missing", "epoch_of", "expect_entries", "is_ghost"]

type Found = tuple[Kind, str, str]


def epoch_of(epochs: Sequence[EpochRow], position: int) -> int:
    """Return the epoch that a position belongs to; 0 where no epoch reaches it."""
    return max((epoch for epoch, first in epochs if first <= position), default=0)


def is_ghost(epochs: Sequence[EpochRow], entry: EntryId) -> bool:
    """Tell whether an entry is of a future that was lost: a later epoch than its own begins there or before it."""
    if entry.epoch == epochs[-1][0]:
        return False
    is_known = any(epoch == entry.epoch for epoch, _ in epochs)
    return is_known and any(epoch > entry.epoch and first <= entry.position for epoch, first in epochs)


def compare_log(cut: ShardCut, shards: int, page: LogPage) -> Iterator[Found]:
    """Say what is wrong with the events of a page: holes, epochs, roots of other shards."""
    positions = [page.after, *(event.position for event in page.events), page.last + 1]
    for left, right in pairwise(positions):
        if right != left + 1:
            yield Kind.LOG_HOLE, f"shard {cut.shard}", f"{_span(left + 1, right - 1)} missing in the log"
    # One epoch for the whole page, but where one begins in its middle.
    first, final = epoch_of(cut.epochs, page.after + 1), epoch_of(cut.epochs, page.last)
    for event in page.events:
        expected = first if first == final else epoch_of(cut.epochs, event.position)
        if event.epoch != expected:
            words = f"written in epoch {event.epoch}, but log.epochs says {expected}"
            yield Kind.LOG_EPOCH, _position(cut, event), words
        if (home := zlib.crc32(event.root_id.bytes) % shards) != cut.shard:
            yield Kind.LOG_SHARD, _position(cut, event), f"its root {event.root_id} belongs to shard {home}"


def _position(cut: ShardCut, event: LoggedEvent) -> str:
    return f"shard {cut.shard} position {event.position}"


def expect_entries(events: Sequence[LoggedEvent]) -> dict[EntryId, LoggedEvent]:
    """Return what a stream must have of a page of the log."""
    return {EntryId(event.epoch, event.position): event for event in events}


def compare_entries(
    cut: ShardCut, expected: dict[EntryId, LoggedEvent], entries: Iterable[StreamedEvent], *, is_deep: bool
) -> Iterator[Found]:
    """Say how entries of a stream differ from what is expected, and take out of that what is there."""
    for entry in entries:
        if is_ghost(cut.epochs, entry.entry):
            continue
        event = expected.pop(entry.entry, None)
        if event is None:
            words = f"event {entry.event_id or '?'} is on the stream and not in the log"
            yield Kind.STREAM_SURPLUS, _entry(cut, entry), words
        elif entry.event_id != str(event.event_id):
            words = f"the stream has event {entry.event_id or '?'}, the log {event.event_id}"
            yield Kind.STREAM_DIFFERENT, _entry(cut, entry), words
        elif is_deep and entry.envelope != event.envelope:
            words = f"event {event.event_id}: {_first_byte(event.envelope, entry.envelope)}"
            yield Kind.STREAM_DIFFERENT, _entry(cut, entry), words


def compare_missing(cut: ShardCut, expected: Mapping[EntryId, LoggedEvent]) -> Iterator[Found]:
    """Say what of the log a stream lacks, after all its entries; what was trimmed on record need not be there."""
    missing = [event.position for event in expected.values() if event.position > cut.trimmed]
    for first, last in _runs(missing):
        yield Kind.STREAM_MISSING, f"shard {cut.shard}", f"{_span(first, last)} of the log not on the stream"


def _entry(cut: ShardCut, entry: StreamedEvent) -> str:
    return f"shard {cut.shard} entry {entry.entry}"


def _first_byte(logged: bytes, streamed: bytes) -> str:
    """Say where two bodies part."""
    at = next((n for n, (left, right) in enumerate(zip(logged, streamed, strict=False)) if left != right), None)
    lengths = f"the log has {len(logged)} bytes, the stream {len(streamed)}"
    return lengths if at is None else f"{lengths}, different from byte {at} on"


def _runs(positions: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Return the first and the last of each run of neighbours; the positions ascend."""
    start = None
    for position, following in pairwise([*positions, None]):
        start = position if start is None else start
        if position is not None and start is not None and following != position + 1:
            yield start, position
            start = None


def _span(first: int, last: int) -> str:
    return f"position {first} is" if first == last else f"positions {first} to {last} ({last - first + 1}) are"
