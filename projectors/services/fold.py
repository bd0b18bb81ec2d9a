"""Folding a batch into views and rows, in memory: what the apply step does between load and save.

A shard is folded up to the first event that fails, whether it can't be read or can't be taken; what came before it
counts, what comes after it does not. Where the batch may park, the event that fails is held instead, with all that
follows of its root, and the fold goes on.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from operator import add, attrgetter
from typing import Any, Final
from uuid import UUID

from contracts.events import Event
from contracts.record import Record
from contracts.streams import EntryId
from projectors.entries import Entry, ShardBatch, is_of_concern
from projectors.projections import Projection, Recorded, ViewTable

__all__ = [
    "AS_NUMBER",
    "Failure",
    "Fold",
    "Folded",
    "Held",
    "explain",
    "fold_event",
    "fold_shard",
    "open_fold",
    "rows_to_save",
]

type Views = dict[UUID, Record]
type Sums = dict[tuple[int, tuple[Any, ...]], tuple[int | Decimal, ...]]

AS_NUMBER: Final = attrgetter("int")  # UUIDs in their own order, which they would work out in Python


@dataclass(frozen=True, slots=True)
class Failure:
    """The event that a shard could not get past, and why."""

    at: EntryId
    error: str


@dataclass(frozen=True, slots=True)
class Held:
    """An event that is to be parked: with an error where it failed itself, None where its root is parked already."""

    entry: Entry
    error: str | None


@dataclass(frozen=True, slots=True)
class Folded:
    """How far a shard's entries could be taken, and which are held instead; `tags` are the answers out of date now."""

    shard: int
    checkpoint: EntryId
    reached: EntryId
    tags: frozenset[str] = frozenset()
    failure: Failure | None = None
    held: tuple[Held, ...] = ()


@dataclass(frozen=True, slots=True)
class Fold:
    """What a batch comes to; views, rows and sums are by table.

    `changed` maps an aggregate to its shard and workspace, a table's sums map (shard, key) to what is added.
    """

    views: Mapping[str, Views]
    rows: Mapping[str, list[tuple[object, ...]]]
    sums: Mapping[str, Sums] = field(default_factory=dict)
    changed: dict[UUID, tuple[int, str]] = field(default_factory=dict)


def open_fold(projection: Projection) -> Fold:
    """Return the fold of a projection before any event, with no views loaded."""
    return Fold(
        views={table.table: {} for table in projection.views},
        rows={table.table: [] for table in projection.rows},
        sums={table.table: {} for table in projection.sums},
    )


def explain(error: Exception) -> str:
    """Return an error for logs, /ready and people: its kind and the start of its words, in what PostgreSQL can hold."""
    words = str(error)[:500].replace("\x00", "\ufffd").encode(errors="replace").decode()
    return f"{type(error).__name__}: {words}"


def fold_event(projection: Projection, fold: Fold, shard: int, recorded: Recorded[Event]) -> None:
    """Take one event into every table of a projection, or into none where one of them refuses."""
    key = recorded.aggregate_id
    changes = [
        (views := fold.views[table.table], table.project(views.get(key), recorded)) for table in projection.views
    ]
    rows = [(fold.rows[table.table], table.row(recorded)) for table in projection.rows]
    additions = [(fold.sums[table.table], list(table.add(recorded))) for table in projection.sums]
    for views, view in changes:
        if view is not None:
            views[key] = view
            fold.changed[key] = (shard, recorded.workspace_id)
    for inserted, row in rows:
        if row is not None:
            inserted.append((shard, *row))
    for sums, added in additions:
        for sum_key, amounts in added:
            before = sums.get((shard, sum_key))
            sums[shard, sum_key] = amounts if before is None else tuple(map(add, before, amounts))


def fold_shard(
    projection: Projection, fold: Fold, batch: ShardBatch, parked: Collection[UUID] = (), *, has_tags: bool = True
) -> Folded:
    """Take a shard's entries that concern a projection into a fold, and hold those of parked roots.

    Up to the first that fails, or, where the batch may park, with that one held and its root from then on.
    """
    roots, tags, held, reached = set(parked), set[str](), list[Held](), batch.checkpoint
    for entry in batch.entries:
        try:
            if is_of_concern(projection, entry):
                if roots and entry.root in roots:
                    held.append(Held(entry, None))
                else:
                    recorded = entry.recorded
                    fold_event(projection, fold, entry.shard, recorded)
                    if has_tags:
                        tags.update(projection.tags(recorded))
        except MemoryError:
            raise  # says nothing about the event
        except Exception as error:  # noqa: BLE001 - whatever a projection raises is held or stops its shard there
            if not batch.may_park:
                failure = Failure(entry.id, explain(error))
                return Folded(batch.shard, batch.checkpoint, reached, frozenset(tags), failure, tuple(held))
            held.append(Held(entry, explain(error)))
            roots.add(entry.root)
        reached = entry.id
    return Folded(batch.shard, batch.checkpoint, reached, frozenset(tags), None, tuple(held))


def rows_to_save(projection: Projection, fold: Fold) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of every table, each after its shard, sorted by key."""
    saved: dict[str, list[tuple[object, ...]]] = {}
    keys = sorted(fold.changed, key=AS_NUMBER)
    for table in projection.views:
        views = fold.views[table.table]
        saved[table.table] = [_view_row(table, key, *fold.changed[key], views[key]) for key in keys]
    for name, rows in fold.rows.items():
        saved[name] = sorted(rows, key=_row_key)
    for name, sums in fold.sums.items():
        saved[name] = [(shard, *key, shard, *sums[shard, key]) for shard, key in sorted(sums)]
    return saved


def _view_row(table: ViewTable[Any, Any], key: UUID, shard: int, workspace_id: str, view: Record) -> tuple[object, ...]:
    """Return a view's row after its shard."""
    return (shard, key, workspace_id, *table.columns(view), table.render(view))


def _row_key(row: tuple[Any, ...]) -> tuple[int, Any]:
    """Return the key of an inserted row, which follows the shard: the aggregate, as a number, and the generation."""
    return (row[1].int, row[2])
