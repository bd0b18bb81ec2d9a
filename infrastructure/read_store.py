"""Keeping read models: load the finished answers of some roots, save rows and checkpoints in one statement.

The statement is the transaction. It locks the checkpoints in ascending order, moves those that still stand where the
caller believes them and end with an event of the log, and writes only the rows of the shards that moved: whoever lost
a shard, or was given what never was in this log, writes nothing of it.
Knows tables and columns, and nothing of events or views.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final, Literal, NamedTuple, assert_never
from uuid import UUID

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

from contracts.streams import EntryId
from infrastructure.event_log import LogSource
from infrastructure.parking import PARK, Parked, park_arguments
from infrastructure.postgres import Pool
from infrastructure.read_versions import READ_SCHEMA, ReadVersion
from infrastructure.tables import METADATA

__all__ = ["Move", "SaveMode", "TableRows", "load_bodies", "save_batch", "table_arguments", "table_parts"]


class Move(NamedTuple):
    """A checkpoint that goes from where it stands to where the batch ends, with the id of the event there (a UUID).

    It goes only where the log holds exactly that event there: an entry of a lost future, or of a Redis that belongs to
    another database, is never applied. The log's own order vouches for the entries before it.

    `expected_event` is the id of the event where it stands, for a batch that was folded from what is remembered from
    there: it goes only where the log still holds that event. Empty where nothing is remembered.

    `revision` names the parked roots that the batch was folded with, `next_revision` those that it leaves behind;
    `parked` are the batch's events that wait for a parked root instead of being applied.
    """

    shard: int
    expected: EntryId
    reached: EntryId
    event_id: str
    expected_event: str = ""
    revision: UUID | None = None
    next_revision: UUID | None = None
    parked: Sequence[Parked] = ()


type SaveMode = Literal["insert", "replace", "add"]
"""What becomes of a row whose key is there: an error, the new row instead, or the sum of all that is not the key."""


class TableRows(NamedTuple):
    """Rows for one table, each the shard and then the values of all columns in the table's order."""

    table: str
    mode: SaveMode
    rows: Sequence[tuple[object, ...]]


def _table(name: str) -> Table:
    """Return the table as it is defined; a version of its own has the same columns in another schema."""
    return METADATA.tables[f"{READ_SCHEMA}.{name}"]


def _key(name: str) -> list[str]:
    """Return the names of a table's key columns."""
    return [column.name for column in _table(name).primary_key.columns]


@cache
def _load_statement(schema: str, tables: tuple[str, ...]) -> str:
    """Return the statement that finds bodies by key in several tables; `$n` holds the keys of table n."""
    parts = []
    for number, name in enumerate(tables):
        (key,) = _key(name)
        parts.append(f"SELECT {number}, {key}, body FROM {schema}.{name} WHERE {key} = ANY(${number + 1}::uuid[])")  # noqa: S608 - names of our own tables
    return " UNION ALL ".join(parts)


def _column_types(name: str) -> list[str]:
    """Return the database's names of a table's column types."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its dialects untyped
    return [column.type.compile(dialect) for column in _table(name).columns]


def _on_conflict(name: str, mode: SaveMode) -> str:
    """Return what the insertion does where the row is there; `t` is the table."""
    key = _key(name)
    others = [column.name for column in _table(name).columns if column.name not in key]
    match mode:
        case "insert":
            return ""
        case "replace":
            updates = ", ".join(f"{column} = excluded.{column}" for column in others)
        case "add":
            updates = ", ".join(f"{column} = t.{column} + excluded.{column}" for column in others)
        case _:
            assert_never(mode)
    return f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {updates}"


def _insert(schema: str, name: str, first_parameter: int, mode: SaveMode) -> str:
    """Return the part that writes one table; its parameters are the shards and then one array a column."""
    columns = [column.name for column in _table(name).columns]
    types = ["smallint", *_column_types(name)]
    arrays = ", ".join(f"${first_parameter + index}::{kind}[]" for index, kind in enumerate(types))
    names = ", ".join(columns)
    return (  # names of our own tables and columns, nothing from outside
        f"INSERT INTO {schema}.{name} AS t ({names}) SELECT {names} FROM unnest({arrays}) AS r(of_shard, {names})"  # noqa: S608 - as above
        f" WHERE r.of_shard IN (SELECT moved.shard FROM moved){_on_conflict(name, mode)}"
    )


# An array from a sub-select has a length that the planner does not know: so it keeps one plan for any number of shards.
# Planned anew each time, the statement takes three times as long. A plan may be made when a partition is still empty
# and be kept while it fills: LATERAL, ORDER BY and LIMIT hold every lookup on the primary key even then.
_MOVE: Final = """
WITH wanted AS MATERIALIZED (
  SELECT w.* FROM unnest((SELECT $3::smallint[]), $4::integer[], $5::bigint[], $6::integer[], $7::bigint[], $8::text[],
      $9::uuid[], $10::uuid[], $11::text[])
    AS w(shard, expected_epoch, expected_position, epoch, position, event_id, revision, next_revision, expected_event)
  CROSS JOIN LATERAL (
    SELECT l.epoch, l.event_id FROM {source} l
    WHERE l.shard = w.shard AND l.position BETWEEN w.position AND w.position ORDER BY l.position LIMIT 1
  ) AS e
  LEFT JOIN LATERAL (
    SELECT l.event_id FROM {source} l
    WHERE l.shard = w.shard AND l.position BETWEEN w.expected_position AND w.expected_position
    ORDER BY l.position LIMIT 1
  ) AS x ON w.expected_event <> ''
  WHERE e.epoch = w.epoch AND e.event_id::text = w.event_id AND (w.expected_event = '' OR w.expected_event = coalesce(
    x.event_id, (SELECT f.event_id FROM log.floors f WHERE f.shard = w.shard AND f.position = w.expected_position)
  )::text)
), held AS MATERIALIZED (
  SELECT c.shard FROM read.checkpoints c JOIN wanted w ON w.shard = c.shard
  WHERE c.projection = $1 AND c.version = $2 AND c.epoch = w.expected_epoch AND c.position = w.expected_position
    AND c.parked_revision IS NOT DISTINCT FROM w.revision
  ORDER BY c.shard FOR UPDATE OF c
), moved AS (
  UPDATE read.checkpoints c SET epoch = w.epoch, position = w.position, parked_revision = w.next_revision
  FROM wanted w, held h
  WHERE c.projection = $1 AND c.version = $2 AND c.shard = h.shard AND w.shard = h.shard
    AND c.epoch = w.expected_epoch AND c.position = w.expected_position
    AND c.parked_revision IS NOT DISTINCT FROM w.revision
  RETURNING c.shard
)
"""
_FIRST_TABLE_PARAMETER: Final = 12


@cache
def _save_statement(
    schema: str, tables: tuple[tuple[str, SaveMode], ...], source: LogSource, *, is_parking: bool
) -> str:
    """Return the statement that moves checkpoints, writes tables (name, how) and parks events."""
    parts, parameter = table_parts(schema, tables, _FIRST_TABLE_PARAMETER)
    parking = PARK.format(*range(parameter, parameter + 3), source=source) if is_parking else ""
    return f"{_MOVE.format(source=source)}{parts}{parking} SELECT shard FROM moved"  # noqa: S608 - names of our own tables


def table_parts(schema: str, tables: Sequence[tuple[str, SaveMode]], first_parameter: int) -> tuple[str, int]:
    """Return the parts of a statement that write tables where `moved` has the shard, and the parameter after theirs."""
    parts = []
    parameter = first_parameter
    for name, mode in tables:
        parts.append(f", {name}_rows AS ({_insert(schema, name, parameter, mode)})")
        parameter += 1 + len(_table(name).columns)
    return "".join(parts), parameter


def table_arguments(tables: Sequence[TableRows]) -> list[object]:
    """Return the arguments of `table_parts` for tables that have rows."""
    return [column for table in tables for column in _columns(table)]


def _columns(table_rows: TableRows) -> list[list[object]]:
    """Return the shards and each column's values as arrays."""
    return [list(values) for values in zip(*table_rows.rows, strict=True)]


async def load_bodies(
    pool: Pool, version: ReadVersion, keys: Mapping[str, Sequence[UUID]]
) -> dict[str, dict[UUID, bytes]]:
    """Return the bodies that are there by table and key, in one round trip; none where there is nothing to ask."""
    asked = {name: wanted for name, wanted in keys.items() if wanted}
    found: dict[str, dict[UUID, bytes]] = {name: {} for name in keys}
    if not asked:
        return found
    names = tuple(asked)
    for number, key, body in await pool.fetch(_load_statement(version.schema, names), *asked.values()):
        found[names[number]][key] = body
    return found


async def save_batch(
    pool: Pool,
    version: ReadVersion,
    moves: Sequence[Move],
    tables: Sequence[TableRows],
    source: LogSource = "log.events",
) -> set[int]:
    """Write rows and checkpoints of a version, all or nothing a shard; return the shards that moved.

    `source` is where the moves' events have to stand. A shard that is missing in the answer stands elsewhere than
    expected, or nowhere because its version no longer serves, or the log does not hold the event that its move ends
    with: nothing of it was written.
    """
    written = [table for table in tables if table.rows]
    is_parking = any(move.parked for move in moves)
    names = tuple((table.table, table.mode) for table in written)
    statement = _save_statement(version.schema, names, source, is_parking=is_parking)
    arguments: list[object] = [
        [move.shard for move in moves],
        [move.expected.epoch for move in moves],
        [move.expected.position for move in moves],
        [move.reached.epoch for move in moves],
        [move.reached.position for move in moves],
        [move.event_id for move in moves],
        [move.revision for move in moves],
        [move.next_revision for move in moves],
        [move.expected_event for move in moves],
        *table_arguments(written),
    ]
    if is_parking:
        arguments += park_arguments((move.shard, parked) for move in moves for parked in move.parked)
    return {row[0] for row in await pool.fetch(statement, *version, *arguments)}
