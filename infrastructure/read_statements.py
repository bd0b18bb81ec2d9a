"""What the find functions share: the form of their answers, positions and rows in one snapshot, pages by keyset.

Bodies are finished JSON and are not parsed. Pages are read one row further than asked, never by OFFSET.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from contracts.streams import Token
from infrastructure.read_models import ReadModels, fetch_serving
from infrastructure.read_versions import FIRST_VERSION, ReadVersion

__all__ = [
    "ONE_ROOT",
    "Covers",
    "FoundPage",
    "FoundView",
    "Listed",
    "RowName",
    "SortKey",
    "covers_of",
    "covers_sql",
    "fetch_page",
    "find_page",
    "numbered",
    "page_sql",
    "time_and_id",
    "time_and_id_key",
]

type SortKey = tuple[str | int, ...]
"""The sort columns of a row in a form that JSON keeps: text, or whole microseconds since 1970, or a generation."""

_UNIX_START: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


ONE_ROOT: Final = "workspace_id = $2 AND root_id = $3"
"""What the answer about a `RowName` is made of, where that is the statement's first arguments."""


class RowName(NamedTuple):
    """What names a row of one root: its shard, the workspace that asks, its id."""

    shard: int
    workspace_id: str
    row_id: UUID


class Listed(NamedTuple):
    """What a list shows: a table of a projection, in the order of some columns, `ASC` or `DESC`."""

    projection: str
    table: str
    order: tuple[str, ...]
    direction: str


class Covers(NamedTuple):
    """How far the projection of an answer had come, None where it has not begun.

    `is_parked`: something that the answer is made of is a dead letter, so that it is older than it covers.
    """

    token: Token | None
    is_parked: bool


class FoundView(NamedTuple):
    """A finished body and what it covers."""

    body: bytes
    covers: Covers


class FoundPage(NamedTuple):
    """A page's bodies in order; `last` is the sort key of its last row where more rows follow, else None."""

    bodies: Sequence[bytes]
    last: SortKey | None
    covers: Covers


def covers_sql(version: ReadVersion, touching: str, shard: str = "") -> str:
    """Return the subquery for a version's positions, of all its shards or of the one named; always one row.

    `touching` is the condition for the roots that the answer is made of, on `workspace_id` and `root_id`: `parked`
    tells whether one of them is a dead letter. `serving` is the version that serves in the same snapshot:
    `fetch_serving` compares it.
    """
    condition = f" AND shard = {shard}" if shard else ""
    return (
        "(SELECT max(epoch) AS epoch, array_agg(shard) AS shards, array_agg(position) AS positions,"  # noqa: S608 - constants
        f" coalesce((SELECT p.version FROM read.projections p WHERE p.projection = '{version.projection}'),"
        f" {FIRST_VERSION}) AS serving, CASE WHEN count(parked_revision) > 0 THEN EXISTS (SELECT FROM read.parked_roots"
        f" WHERE projection = '{version.projection}' AND version = {version.version} AND {touching})"
        " ELSE false END AS parked FROM read.checkpoints"
        f" WHERE projection = '{version.projection}' AND version = {version.version}{condition}) AS c"
    )


def covers_of(row: asyncpg.Record) -> Covers:
    """Return what a row's columns from `covers_sql` say."""
    if row["epoch"] is None:
        return Covers(None, row["parked"])
    return Covers(Token(row["epoch"], dict(zip(row["shards"], row["positions"], strict=True))), row["parked"])


def page_sql(
    listed: Listed, version: ReadVersion, conditions: Sequence[str], *, touching: str = "", shard: str = ""
) -> str:
    """Return the statement of a page: $1 is the limit and one more; one row with all bodies and the last key.

    The first condition names the workspace: where nothing else is said, the page is made of all its roots.
    """
    order, direction = listed.order, listed.direction
    ordered = ", ".join(f"{column} {direction}" for column in order)
    keys = ", ".join(f"(array_agg({column} ORDER BY {ordered}))[$1 - 1] AS {column}" for column in order)
    return (
        f"SELECT c.*, p.* FROM {covers_sql(version, touching or conditions[0], shard)}, LATERAL ("  # noqa: S608 - constants of these modules
        f" SELECT array_agg(body ORDER BY {ordered}) AS bodies, {keys}"
        f" FROM (SELECT body, {', '.join(order)} FROM {version.schema}.{listed.table} WHERE {' AND '.join(conditions)}"
        f" ORDER BY {ordered} LIMIT $1) AS r) AS p"
    )


async def find_page(
    models: ReadModels, listed: Listed, conditions: Sequence[str], arguments: Sequence[object], limit: int
) -> tuple[asyncpg.Record, list[bytes]]:
    """Return the row of a page statement and its bodies, which may be one more than the limit."""

    def statement(version: ReadVersion) -> str:
        return page_sql(listed, version, conditions)

    return await fetch_page(models, listed.projection, statement, arguments, limit)


async def fetch_page(
    models: ReadModels,
    projection: str,
    statement: Callable[[ReadVersion], str],
    arguments: Sequence[object],
    limit: int,
) -> tuple[asyncpg.Record, list[bytes]]:
    """Return the same for a statement that the caller keeps."""
    row = await fetch_serving(models, projection, statement, limit + 1, *arguments)
    return row, row["bodies"] or []


def numbered(filters: Sequence[tuple[str, object]], first: int) -> tuple[list[str], list[object]]:
    """Return conditions with numbered placeholders, and their arguments, for the filters that are given."""
    given = [(column, value) for column, value in filters if value is not None]
    return [f"{column} = ${first + n}" for n, (column, _) in enumerate(given)], [value for _, value in given]


def time_and_id(after: SortKey) -> tuple[datetime, UUID]:
    """Return the columns that a key of time and id stands for."""
    return _UNIX_START + int(after[0]) * _MICROSECOND, UUID(str(after[1]))


def time_and_id_key(moment: datetime, row_id: UUID) -> SortKey:
    """Return the key of a time and an id."""
    return (moment - _UNIX_START) // _MICROSECOND, str(row_id)
