"""All aggregates in chunks: the versions in the log, the write side's count, and every row that is folded from them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final
from uuid import UUID

from bureau.verification.differences import Kind, note, note_all
from bureau.verification.folding import Opened, Row, compare_rows, fold_aggregate, open_event, row_table_names
from bureau.verification.histories import compare_generations, compare_history, group_by_aggregate
from bureau.verification.scope import Work
from infrastructure.verification import ShardCut
from infrastructure.verification_aggregates import AggregateChunk, read_chunk
from infrastructure.verification_events import AggregateEvent, IdRange, Most
from projectors.projections import Projection, concerns

__all__ = ["verify_aggregates"]

_CHUNK: Final = Most(2_000, 16_000_000)
"""Four times as many bytes at least are in memory while a chunk is compared: read, taken apart, folded, as rows."""

type Histories = Mapping[UUID, Sequence[AggregateEvent]]


async def verify_aggregates(work: Work, cuts: Mapping[int, ShardCut]) -> None:
    """Go through the aggregates in the order of their ids, each chunk in a snapshot of its own."""
    tables = _tables(work.scope.projections) if work.scope.is_deep else {}
    total = sum(cut.head.position - cut.floor.position for cut in cuts.values())
    first, done = work.scope.first, 0
    while True:
        chunk = await read_chunk(work.pool, IdRange(first, work.scope.last), tables, _CHUNK)
        _compare_chunk(work, chunk)
        done += len(chunk.events)
        work.advance("aggregates and read models" if tables else "aggregates", done, max(done, total))
        if chunk.last >= work.scope.last:
            return
        first = UUID(int=chunk.last.int + 1)


def _tables(projections: Sequence[Projection]) -> dict[str, Sequence[str]]:
    return {projection.name: row_table_names(projection) for projection in projections}


def _compare_chunk(work: Work, chunk: AggregateChunk) -> None:
    histories = group_by_aggregate(chunk.events)
    is_cut = any(chunk.floors.values())
    for aggregate, events in histories.items():
        note_all(work.findings, compare_history(aggregate, events, chunk.floors))
    if work.scope.has_write_side:
        note_all(work.findings, compare_generations(histories, chunk.generations, is_cut=is_cut))
    work.tally.add("aggregates", len(histories))
    if chunk.rows:
        _compare_views(work, chunk, histories, is_cut=is_cut)


def _compare_views(work: Work, chunk: AggregateChunk, histories: Histories, *, is_cut: bool) -> None:
    whole = {aggregate: [open_event(event) for event in events] for aggregate, events in histories.items()}
    begun_later = {aggregate for aggregate, events in histories.items() if is_cut and events[0].generation > 1}
    work.tally.add("unfolded", len(begun_later))
    for projection in work.scope.projections:
        expected = _fold_all(work, projection, chunk, whole, begun_later)
        for table in (each for each in chunk.rows if each.projection == projection.name):
            work.tally.add("rows", len(chunk.rows[table]))
            note_all(work.findings, compare_rows(table.name, expected[table.name], chunk.rows[table]))


def _fold_all(
    work: Work,
    projection: Projection,
    chunk: AggregateChunk,
    histories: Mapping[UUID, Sequence[Opened]],
    left_out: set[UUID],
) -> dict[str, dict[Row, Row]]:
    """Return every row that a projection must have of a chunk's aggregates, by table."""
    rows: dict[str, dict[Row, Row]] = {name: {} for name in row_table_names(projection)}
    for aggregate, events in histories.items():
        if aggregate in left_out or not any(concerns(projection, each.logged.event_type) for each in events):
            continue
        checkpoint = chunk.checkpoints.get((projection.name, events[0].logged.shard))
        parked, skipped = _among(projection, chunk.parked, events), _among(projection, chunk.left_out, events)
        folded = fold_aggregate(projection, events, checkpoint.position if checkpoint else 0, parked, skipped)
        where = f"{projection.name} aggregate {aggregate}"
        if parked:
            words = f"{len(parked)} events wait as dead letters since position {min(parked)}: bureau dead-letters list"
            note(work.findings, Kind.VIEW_PARKED, where, words)
        if folded.problem:
            note(work.findings, Kind.VIEW_UNFOLDABLE, where, f"an event cannot be taken: {folded.problem}")
        for table, own in folded.rows.items():
            rows[table].update(own)
    return rows


def _among(projection: Projection, named: Collection[tuple[str, int, int]], events: Sequence[Opened]) -> frozenset[int]:
    """Return the positions of those of an aggregate's events that are named for a projection."""
    if not named:
        return frozenset()
    return frozenset(
        each.logged.position for each in events if (projection.name, each.logged.shard, each.logged.position) in named
    )
