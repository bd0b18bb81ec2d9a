"""Sums over many roots: each shard's own rows are what the shard's events add up to, as far as its checkpoint says.

There may be a row for every task. So rows and sums are put aside by the hash of their keys, and compared part by part.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from bureau.verification.differences import Kind, note, note_all
from bureau.verification.folding import Row, compare_rows, open_event
from bureau.verification.scope import Work
from bureau.verification.spilled import BUCKETS, Spilled, open_spilled, read_bucket, spill
from infrastructure.verification import LogSpan, ShardCut, read_floor
from infrastructure.verification_sums import Explained, read_events_of_types, read_sums
from projectors.projections import Addition, Projection, SumTable

__all__ = ["verify_sums"]

_PAGE: Final = 20_000
_PAGE_BYTES: Final = 8_000_000
_SUMS: Final = 20_000
"""Of so many keys the sums are in memory."""

type Sums = dict[Row, list[Any]]


async def verify_sums(work: Work, cuts: Mapping[int, ShardCut]) -> None:
    """Go through the shards; one whose log was cut at its beginning cannot be added up any more, and is left out."""
    for projection in work.scope.projections if work.scope.is_deep else ():
        for table in projection.sums:
            whole = [shard for shard, cut in cuts.items() if not cut.floor.position]
            for number, shard in enumerate(whole):
                with open_spilled() as rows, open_spilled() as sums:
                    await _verify_shard(work, projection, table, shard, (rows, sums))
                work.advance(f"sums of {table.table}", number + 1, len(whole))


async def _verify_shard(
    work: Work, projection: Projection, table: SumTable[Any], shard: int, aside: tuple[Spilled, Spilled]
) -> None:
    """Compare a shard's rows with what its events add up to."""
    rows, sums = aside

    def take(page: Sequence[tuple[Row, Row]]) -> None:
        work.tally.add("rows", len(page))
        spill(rows, page)

    explained = await read_sums(work.pool, projection.name, table.table, shard, take)
    await _add_up(work, projection, table, explained, sums)
    if await read_floor(work.pool, shard):
        return  # the log was cut while it was read
    for number in range(BUCKETS):
        expected: Sums = {}
        _add(expected, read_bucket(sums, number))
        note_all(
            work.findings,
            compare_rows(
                table.table,
                {key: (*key, *amounts) for key, amounts in expected.items()},
                dict(read_bucket(rows, number)),
            ),
        )


async def _add_up(
    work: Work, projection: Projection, table: SumTable[Any], explained: Explained, aside: Spilled
) -> None:
    """Put aside what the events of a shard add up to but for those left out; one that can't be taken stops its root."""
    sums: Sums = {}
    stopped: set[UUID] = set()
    types, after = sorted(projection.event_types), 0
    while after < explained.position:
        last = min(explained.position, after + _PAGE)
        after, events = await read_events_of_types(work.pool, LogSpan(explained.shard, after, last), types, _PAGE_BYTES)
        for event in events:
            if event.root_id in stopped or event.position in explained.left_out:
                continue
            opened = open_event(event)
            if opened.recorded is None:
                stopped.add(event.root_id)
                where = f"{projection.name} aggregate {event.aggregate_id}"
                note(work.findings, Kind.VIEW_UNFOLDABLE, where, f"an event cannot be taken: {opened.error}")
            else:
                added: Iterable[Addition] = table.add(opened.recorded)
                _add(sums, (((*key, explained.shard), amounts) for key, amounts in added))
        if len(sums) > _SUMS:
            spill(aside, sums.items())
            sums.clear()
    spill(aside, sums.items())


def _add(sums: Sums, additions: Iterable[tuple[Row, Sequence[Any]]]) -> None:
    """Add amounts to the sums of their keys."""
    for key, amounts in additions:
        row = sums.setdefault(key, [Decimal(0)] * len(amounts))
        row[:] = (before + amount for before, amount in zip(row, amounts, strict=True))
