"""One page of a shard's log against itself and against its stream. Pure: what is given is compared, nothing is read."""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from bureau.verification.differences import Kind
from contracts.streams import EntryId
from infrastructure.epochs import EpochRow
from infrastructure.verification import LoggedEvent, ShardCut
from infrastructure.verification_streams import StreamedEvent

__all__ = ["compare_entries", "compare_log", "epoch_of", "is_ghost"]

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


def compare_log(cut: ShardCut, shards: int, after: int, last: int, page: Sequence[LoggedEvent]) -> Iterator[Found]:
    """Say what is wrong with the events after one position up to another: holes, epochs, roots of other shards."""
    positions = [after, *(event.position for event in page), last + 1]
    for left, right in pairwise(positions):
        if right != left + 1:
            yield Kind.LOG_HOLE, f"shard {cut.shard}", f"{_span(left + 1, right - 1)} missing in the log"
    # One epoch for the whole page, but where one begins in its middle.
    first, final = epoch_of(cut.epochs, after + 1), epoch_of(cut.epochs, last)
    for event in page:
        expected = first if first == final else epoch_of(cut.epochs, event.position)
        if event.epoch != expected:
            words = f"written in epoch {event.epoch}, but log.epochs says {expected}"
            yield Kind.LOG_EPOCH, _position(cut, event), words
        if (home := zlib.crc32(event.root_id.bytes) % shards) != cut.shard:
            yield Kind.LOG_SHARD, _position(cut, event), f"its root {event.root_id} belongs to shard {home}"


def _position(cut: ShardCut, event: LoggedEvent) -> str:
    return f"shard {cut.shard} position {event.position}"


def compare_entries(
    cut: ShardCut, page: Sequence[LoggedEvent], entries: Iterable[StreamedEvent], *, is_deep: bool
) -> Iterator[Found]:
    """Say how the entries of a stream differ from a page of the log; what was trimmed on record need not be there."""
    expected = {EntryId(event.epoch, event.position): event for event in page}
    seen: set[EntryId] = set()
    for entry in entries:
        if is_ghost(cut.epochs, entry.entry):
            continue
        seen.add(entry.entry)
        event = expected.get(entry.entry)
        if event is None:
            words = f"event {entry.event_id or '?'} is on the stream and not in the log"
            yield Kind.STREAM_SURPLUS, _entry(cut, entry), words
        elif entry.event_id != str(event.event_id):
            words = f"the stream has event {entry.event_id or '?'}, the log {event.event_id}"
            yield Kind.STREAM_DIFFERENT, _entry(cut, entry), words
        elif is_deep and entry.envelope != event.envelope:
            words = f"event {event.event_id}: {_first_byte(event.envelope, entry.envelope)}"
            yield Kind.STREAM_DIFFERENT, _entry(cut, entry), words
    missing = [
        event.position for entry, event in expected.items() if entry not in seen and event.position > cut.trimmed
    ]
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
