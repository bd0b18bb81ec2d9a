"""The log against itself and against the streams, shard by shard, page by page, up to the cut."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from bureau.verification.differences import Kind, note, note_all
from bureau.verification.distinct import Sieve, find_repeated, open_sieve, sift
from bureau.verification.scope import Work
from bureau.verification.shards import compare_entries, compare_log, epoch_of
from contracts.streams import EntryId
from infrastructure.strangers import find_other_keys
from infrastructure.verification import LoggedEvent, ShardCut, read_events, read_floor, read_trimmed
from infrastructure.verification_streams import StreamedEvent, read_entries_between

__all__ = ["verify_shards"]

_PAGE: Final = 1_000
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
        last = min(after + _PAGE, cut.head.position)
        first, page = await _read_page(work, cut, after, last)
        if first > after:  # what was cut off meanwhile is nobody's to compare any more
            after, reached = first, EntryId(epoch_of(cut.epochs, first), first)
            last = max(last, after)
        note_all(work.findings, compare_log(cut, shards, after, last, page))
        for event in page:
            sift(sieve, event.event_id, cut.shard, event.position)
        if work.scope.has_streams:
            reached = await _compare_streams(work, cut, page, (reached, EntryId(epoch_of(cut.epochs, last), last)))
        after = last
        work.tally.add("events", len(page))
        work.advance(_STEP, work.tally.of("events"), total)


async def _read_page(work: Work, cut: ShardCut, after: int, last: int) -> tuple[int, list[LoggedEvent]]:
    """Return the events after a position up to another, and after which one they begin: later where the log was cut."""
    floor, page = after, list[LoggedEvent]()
    for _ in range(_LOOKS):
        page = await read_events(work.pool, cut.shard, after, last, with_envelopes=work.scope.is_deep)
        if len(page) == last - after:
            return after, page
        floor = max(after, await read_floor(work.pool, cut.shard))
        page = [event for event in page if event.position > floor]
        if len(page) == last - floor or floor >= last:
            break
    return floor, page


async def _compare_streams(
    work: Work, cut: ShardCut, page: list[LoggedEvent], span: tuple[EntryId, EntryId]
) -> EntryId:
    """Compare a page with the entries of the same span of ids; return where that ends."""
    reached, last = span
    entries: list[StreamedEvent] = []
    while found := await read_entries_between(work.redis, cut.shard, reached, last, limit=_PAGE):
        entries += found
        reached = found[-1].entry
        if len(found) < _PAGE:
            break
        await asyncio.sleep(0)
    work.tally.add("entries", len(entries))
    if len(entries) < len(page):  # the stream may have been trimmed further meanwhile; the floor is written first
        cut = cut._replace(trimmed=await read_trimmed(work.pool, cut.shard))
    note_all(work.findings, compare_entries(cut, page, entries, is_deep=work.scope.is_deep))
    return last
