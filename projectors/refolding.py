"""Making one aggregate's rows again from its events: for a row that came to harm, without rebuilding the rest."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from infrastructure.archiving import explain_missing
from infrastructure.event_log import LogRow
from infrastructure.postgres import Pool
from infrastructure.refolding import AggregateRows, HistoryCutError, RootParkedError, replace_aggregate
from projectors.entries import Entry, entry_of_row, is_of_concern
from projectors.projections import Projection
from projectors.services.fold import fold_event, open_fold, rows_to_save

__all__ = ["CannotRefoldError", "Refolded", "refold"]


class CannotRefoldError(Exception):
    """The rows of an aggregate cannot be made again by themselves."""


class Refolded(NamedTuple):
    """What was done, in numbers of events and rows.

    `stamps` are the cached answers to forget, `place` (a version's name, a shard) is where everybody has to be told.
    """

    events: int
    rows_before: int
    rows: int
    stamps: Mapping[str, str]
    place: tuple[str, int]


def _fold(projection: Projection, aggregate_id: UUID, rows: Sequence[LogRow]) -> AggregateRows:
    """Return what a projection makes of an aggregate's events; raises CannotRefoldError."""
    fold = open_fold(projection)
    for entry in map(entry_of_row, rows):
        try:
            if is_of_concern(projection, entry):
                fold_event(projection, fold, entry.shard, entry.recorded)
        except Exception as error:
            message = (
                f"event {entry.id} of shard {entry.shard} cannot be applied to {projection.name}: {error}:"
                f" the rows of {aggregate_id} stay as they were"
            )
            raise CannotRefoldError(message) from error
    return rows_to_save(projection, fold)


async def refold(pool: Pool, projection: Projection, aggregate_id: UUID) -> Refolded:
    """Make the rows of an aggregate again in the version that serves; raises CannotRefoldError."""
    if projection.sums:
        message = f"{projection.name} adds many roots up, which no single one can be taken out of: rebuild all of it"
        raise CannotRefoldError(message)

    def fold(rows: Sequence[LogRow]) -> AggregateRows:
        return _fold(projection, aggregate_id, rows)

    try:
        replaced = await replace_aggregate(pool, projection.name, aggregate_id, fold)
    except RootParkedError as error:
        message = f"the root of {aggregate_id} is parked in {projection.name}: `bureau dead-letters list` shows why"
        raise CannotRefoldError(message) from error
    except HistoryCutError as error:
        message = f"neither the log nor its archive holds all events of {aggregate_id}: its rows stay as they were"
        raise CannotRefoldError(await explain_missing(pool, message)) from error
    if replaced is None:
        message = f"the log holds no event of {aggregate_id}, or {projection.name} has not begun"
        raise CannotRefoldError(await explain_missing(pool, message))
    stamp = f"{projection.name}/refolded/{replaced.revision}"
    tags = {tag for row in replaced.events for tag in _tags(projection, entry_of_row(row))}
    stamps = {replaced.version.qualify(tag): stamp for tag in tags}
    place = (replaced.version.qualify(projection.name), replaced.shard)
    return Refolded(len(replaced.events), replaced.rows_before, replaced.rows, stamps, place)


def _tags(projection: Projection, entry: Entry) -> tuple[str, ...]:
    """Return the cached answers that an event is in."""
    return projection.tags(entry.recorded) if is_of_concern(projection, entry) else ()
