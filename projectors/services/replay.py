"""Folding parked events of one root, in order, up to the first that fails again, and stepping over one that is skipped.

Starts from the rows as they are, never from memory. What it returns is saved by whoever holds the checkpoint.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from contracts.streams import EntryId
from infrastructure.read_store import TableRows
from infrastructure.read_versions import ReadVersion
from infrastructure.releasing import ParkedRow
from projectors.entries import ShardBatch, entry_of_row, tags_of
from projectors.projections import Projection, leave_out
from projectors.services.apply_projection import ApplyDependencies, load_fold, tables_of
from projectors.services.fold import Failure, fold_shard, open_fold

__all__ = ["NOTHING_REPLAYED", "Replayed", "replay", "step_over"]

_BEFORE_ALL = EntryId(0, 0)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What some parked events came to: `until` is the position of the last one taken, 0 for none."""

    tables: Sequence[TableRows]
    until: int
    failure: Failure | None
    tags: frozenset[str]


NOTHING_REPLAYED: Final = Replayed((), 0, None, frozenset())
"""Where no event is taken."""


async def replay(projection: Projection, rows: Sequence[ParkedRow], dependencies: ApplyDependencies) -> Replayed:
    """Fold events of one root up to the first that fails. Raises what the database raises."""
    entries = tuple(entry_of_row(parked.row) for parked in rows)
    batch = ShardBatch(entries[0].shard, _BEFORE_ALL, entries)
    fold = await load_fold(projection, [batch], replace(dependencies, memory={}, parked={}))
    folded = fold_shard(projection, fold, batch, has_tags=False)
    tags = frozenset(tag for entry in entries for tag in tags_of(projection, entry))
    return Replayed(tables_of(projection, fold), folded.reached.position, folded.failure, tags)


async def step_over(projection: Projection, parked: ParkedRow, dependencies: ApplyDependencies) -> Replayed:
    """Leave an event out: the views of its aggregate count its generation as taken, so that the next one follows."""
    key = parked.row.aggregate_id
    version = ReadVersion(projection.name, dependencies.version)
    bodies = await dependencies.load_bodies(version, {table.table: [key] for table in projection.views})
    fold = open_fold(projection)
    for table in projection.views:
        if body := bodies.get(table.table, {}).get(key):
            view = table.view.model_validate_json(body)
            fold.views[table.table][key] = leave_out(view, parked.row.generation)
    if all(fold.views.values()):
        fold.changed[key] = (parked.row.shard, parked.workspace_id)
    tags = frozenset(tags_of(projection, entry_of_row(parked.row)))
    tables = tables_of(projection, fold) if fold.changed and projection.views else []
    return Replayed(tables, parked.row.position, None, tags)
