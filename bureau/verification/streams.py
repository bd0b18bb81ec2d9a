"""The log against itself and against the streams, shard by shard, page by page, up to the cut."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from bureau.verification.differences import Kind, note, note_all
from bureau.verification.distinct import Sieve, find_repeated, open_sieve, sift
from bureau.verification.scope import Work
from bureau.verification.shards import compare_entries, compare_log, compare_missing, epoch_of, expect_entries
from contracts.streams import EntryId
from infrastructure.strangers import find_other_keys
from infrastructure.verification import (
    LoggedEvent,
    LogPage,
    LogSpan,
    ShardCut,
    read_events,
    read_floor,
    read_trimmed,
)
from infrastructure.verification_streams import StreamedEvent, read_entries_between

__all__ = ["verify_shards"]

_PAGE: Final = 1_000
_PAGE_BYTES: Final = 8_000_000
_FEW: Final = 16
"""Entries of unknown size, at first."""
_STEP: Final = "log and streams"
_LOOKS: Final = 2
"""How often a page is read that lacks events: the log's beginning may go to the archive, or come back, meanwhile."""


async def verify_shards(work: Work, cuts: Mapping[int, ShardCut]) -> None:
    """Note holes, wrong epochs and shards, repeated event ids, and whatever differs on the streams."""
    starts = {shard: max(cut.floor.position, work.scope.after.get(shard, 0)) for shard, cut in cuts.items()}
    total = sum(cut.head.position - starts[shard] for shard, cut in cuts.items())
    others = await find_other_keys(work.redis, list(cuts)) if work.scope.has_streams else {}
    for shard, words in others.items():
        note(work.findings, Kind.STREAM_OTHER_KEY, f"shard {shard}", words)
    without = replace(work, scope=replace(work.scope, has_streams=False))
    with open_sieve() as sieve:
        for shard, cut in cuts.items():
            await _verify_shard(without if shard in others else work, cut, starts[shard], (len(cuts), total), sieve)
        for event_id, places in find_repeated(sieve):
            where = ", ".join(f"shard {shard} position {position}" for shard, position in places)
            note(work.findings, Kind.LOG_TWICE, f"event {event_id}", f"it stands in the log at {where}")


async def _verify_shard(work: Work, cut: ShardCut, start: int, sizes: tuple[int, int], sieve: Sieve) -> None:
    shards, total = sizes
    # Where nothing was cut, whatever stands at the beginning of the stream is looked at.
    reached = EntryId(epoch_of(cut.epochs, start), start) if start else EntryId(0, 0)
    after = start
    while after < cut.head.position:
        page = await _read_page(work, LogSpan(cut.shard, after, min(after + _PAGE, cut.head.position)))
        if page.after > after:  # what was cut off meanwhile is nobody's to compare any more
            reached = EntryId(epoch_of(cut.epochs, page.after), page.after)
        note_all(work.findings, compare_log(cut, shards, page))
        for event in page.events:
            sift(sieve, event.event_id, cut.shard, event.position)
        if work.scope.has_streams:
            last = EntryId(epoch_of(cut.epochs, page.last), page.last)
            await _compare_streams(work, cut, page.events, reached, last)
            reached = last
        after = page.last
        work.tally.add("events", len(page.events))
        work.advance(_STEP, work.tally.of("events"), total)


async def _read_page(work: Work, span: LogSpan) -> LogPage:
    """Return the beginning of a span; it begins later where the log was cut there."""
    page = LogPage(span.after, span.last, ())
    for _ in range(_LOOKS):
        page = await read_events(work.pool, span, _PAGE_BYTES, with_envelopes=work.scope.is_deep)
        if len(page.events) == page.last - page.after:
            break
        floor = max(page.after, await read_floor(work.pool, span.shard))
        page = LogPage(floor, max(floor, page.last), [event for event in page.events if event.position > floor])
        if len(page.events) == page.last - page.after:
            break
    return page


async def _compare_streams(
    work: Work, cut: ShardCut, page: Sequence[LoggedEvent], reached: EntryId, last: EntryId
) -> None:
    """Compare a page with the entries between two ids, the first of them not included.

    In one epoch these are as many and as large as the log's. Between epochs lies what was lost, however much that is.
    """
    expected = expect_entries(page)
    limit = len(page) + 1 if reached.epoch == last.epoch else _FEW
    while found := await read_entries_between(work.redis, cut.shard, reached, last, limit=limit):
        work.tally.add("entries", len(found))
        note_all(work.findings, compare_entries(cut, expected, found, is_deep=work.scope.is_deep))
        if len(found) < limit:
            break
        reached, limit = found[-1].entry, _fitting(found)
        await asyncio.sleep(0)
    if expected:  # the stream may have been trimmed further meanwhile; the floor is written first
        cut = cut._replace(trimmed=await read_trimmed(work.pool, cut.shard))
    note_all(work.findings, compare_missing(cut, expected))


def _fitting(found: Sequence[StreamedEvent]) -> int:
    """Return how many entries like these fit into a page; not many more than these, for others may be larger."""
    average = 1 + sum(len(entry.envelope) for entry in found) // len(found)
    return max(1, min(_PAGE, len(found) * _FEW, _PAGE_BYTES // average))
