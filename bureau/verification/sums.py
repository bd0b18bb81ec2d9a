"""Sums over many roots: each shard's own rows are what the shard's events add up to, as far as its checkpoint says."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from bureau.verification.differences import Kind, note, note_all
from bureau.verification.folding import Row, compare_rows, open_event
from bureau.verification.scope import Work
from infrastructure.verification import ShardCut, read_floor
from infrastructure.verification_sums import ShardSums, read_events_of_types, read_sums
from projectors.projections import Addition, Projection, SumTable

__all__ = ["verify_sums"]

_PAGE: Final = 20_000

type Sums = dict[Row, list[Any]]


async def verify_sums(work: Work, cuts: Mapping[int, ShardCut]) -> None:
    """Go through the shards; one whose log was cut at its beginning cannot be added up any more, and is left out."""
    for projection in work.scope.projections if work.scope.is_deep else ():
        for table in projection.sums:
            whole = [shard for shard, cut in cuts.items() if not cut.floor.position]
            for number, shard in enumerate(whole):
                await _verify_shard(work, projection, table, shard)
                work.advance(f"sums of {table.table}", number + 1, len(whole))


async def _verify_shard(work: Work, projection: Projection, table: SumTable[Any], shard: int) -> None:
    """Compare a shard's rows with what its events add up to."""
    found = await read_sums(work.pool, projection.name, table.table, shard)
    work.tally.add("rows", len(found.rows))
    sums = await _add_up(work, projection, table, shard, found)
    if await read_floor(work.pool, shard):
        return  # the log was cut while it was read
    expected = {key: (*key, *amounts) for key, amounts in sums.items()}
    note_all(work.findings, compare_rows(table.table, expected, found.rows))


async def _add_up(work: Work, projection: Projection, table: SumTable[Any], shard: int, found: ShardSums) -> Sums:
    """Return what the events of a shard add up to but for those left out; one that can't be taken stops its root."""
    sums: Sums = {}
    stopped: set[UUID] = set()
    types, last = sorted(projection.event_types), found.position
    for after in range(0, last, _PAGE):
        for event in await read_events_of_types(work.pool, shard, after, min(last, after + _PAGE), types):
            if event.root_id in stopped or event.position in found.left_out:
                continue
            opened = open_event(event)
            if opened.recorded is None:
                stopped.add(event.root_id)
                where = f"{projection.name} aggregate {event.aggregate_id}"
                note(work.findings, Kind.VIEW_UNFOLDABLE, where, f"an event cannot be taken: {opened.error}")
            else:
                _add(sums, table.add(opened.recorded), shard)
    return sums


def _add(sums: Sums, additions: Iterable[Addition], shard: int) -> None:
    """Add what an event adds; each row is its shard's own."""
    for key, amounts in additions:
        row = sums.setdefault((*key, shard), [Decimal(0)] * len(amounts))
        row[:] = (before + amount for before, amount in zip(row, amounts, strict=True))
