"""The pointer to the serving version: beginning a new one, switching to it, and dropping what is no longer wanted.

Every change holds the pointer's row. A switch also holds the checkpoints of both versions, so that nobody moves the old
one meanwhile; it takes place only where the new one is at or past the old one in every shard, and deletes the old one's
checkpoints: whoever still follows it finds nothing to move, and readers never go back.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from contracts.streams import EntryId
from infrastructure.postgres import Pool
from infrastructure.read_versions import FIRST_VERSION, ReadVersion
from infrastructure.session_locks import hold_lock
from infrastructure.version_tables import drop_sql

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

__all__ = [
    "NotBuildingError",
    "OldVersionKeptError",
    "Pointer",
    "RebuildRunningError",
    "begin_version",
    "claim_shard",
    "drop_building",
    "drop_kept",
    "hold_rebuild",
    "read_pointers",
    "switch_version",
]

type CatchUp = Callable[[Mapping[int, EntryId]], Awaitable[None]]
"""Brings the new version to the given positions, over other connections, while the old one is held there."""


class Pointer(NamedTuple):
    """Which version of a projection serves, which one is being built, and which one is kept from before."""

    projection: str
    version: int = FIRST_VERSION
    serving_since: datetime | None = None
    building: int | None = None
    building_since: datetime | None = None
    kept: int | None = None


class RebuildRunningError(Exception):
    """Another process rebuilds this projection."""


class OldVersionKeptError(Exception):
    """The version before the serving one is still there, and a third one is not made."""


class NotBuildingError(Exception):
    """The version is not the one that is being built: somebody switched to it or gave it up meanwhile."""


_COLUMNS: Final = "projection, version, serving_since, building, building_since, kept"


async def read_pointers(pool: Pool) -> dict[str, Pointer]:
    """Return the pointers by projection; one that is missing is served in version 1."""
    rows = await pool.fetch(f"SELECT {_COLUMNS} FROM read.projections")  # noqa: S608 - a constant
    return {row["projection"]: Pointer(*row) for row in rows}


@asynccontextmanager
async def hold_rebuild(pool: Pool, projection: str) -> AsyncIterator[None]:
    """Keep others from rebuilding a projection while the block lasts; raises RebuildRunningError.

    The lock ends with its connection, so with this process.
    """
    async with hold_lock(pool, f"bureau rebuild {projection}") as connection:
        if connection is None:
            raise RebuildRunningError(projection)
        yield


@asynccontextmanager
async def claim_shard(pool: Pool, version: ReadVersion, shard: int) -> AsyncIterator[bool]:
    """Keep others from filling a shard of a version while the block lasts, for it would be work in vain.

    Yields false where another does it. The claim ends with its connection, so with this process.
    """
    async with hold_lock(pool, f"bureau build {version.schema} {shard}") as connection:
        yield connection is not None


async def _hold_pointer(connection: "PoolConnectionProxy", projection: str) -> Pointer:
    """Return a pointer and hold it until the transaction ends."""
    await connection.execute(
        "INSERT INTO read.projections (projection, version) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        projection,
        FIRST_VERSION,
    )
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM read.projections WHERE projection = $1 FOR UPDATE",  # noqa: S608 - a constant
        projection,
    )
    assert row is not None  # noqa: S101 - it was just made
    return Pointer(*row)


async def begin_version(pool: Pool, projection: str) -> tuple[ReadVersion, bool]:
    """Return the version that is being built, and whether its building goes on from before; else note a new one.

    Raises OldVersionKeptError.
    """
    async with pool.acquire() as connection, connection.transaction():
        pointer = await _hold_pointer(connection, projection)
        if pointer.building is not None:
            return ReadVersion(projection, pointer.building), True
        if pointer.kept is not None:
            raise OldVersionKeptError(projection, pointer.kept)
        await connection.execute(
            "UPDATE read.projections SET building = $2, building_since = clock_timestamp() WHERE projection = $1",
            projection,
            pointer.version + 1,
        )
        return ReadVersion(projection, pointer.version + 1), False


async def _hold_checkpoints(connection: "PoolConnectionProxy", version: ReadVersion) -> dict[int, EntryId]:
    """Return a version's checkpoints and hold them until the transaction ends."""
    rows = await connection.fetch(
        "SELECT shard, epoch, position FROM read.checkpoints WHERE projection = $1 AND version = $2"
        " ORDER BY shard FOR UPDATE",
        *version,
    )
    return {row["shard"]: EntryId(row["epoch"], row["position"]) for row in rows}


_END_REQUESTS: Final = """
UPDATE read.parked_requests SET left_out = false, outcome = coalesce(outcome, 'refused'),
  error = CASE WHEN finished_at IS NULL THEN 'that version of the read model is no more' ELSE error END,
  finished_at = coalesce(finished_at, clock_timestamp())
WHERE projection = $1 AND version = $2 AND (left_out OR finished_at IS NULL)
"""


async def _end_version(connection: "PoolConnectionProxy", version: ReadVersion) -> None:
    """Delete a version's checkpoints and what is parked in it, and end what was asked: its number may come back."""
    for table in ("checkpoints", "parked_events", "parked_roots"):
        await connection.execute(f"DELETE FROM read.{table} WHERE projection = $1 AND version = $2", *version)  # noqa: S608 - our own tables
    await connection.execute(_END_REQUESTS, *version)  # the roots are gone: nobody can ask for more


async def switch_version(pool: Pool, version: ReadVersion, catch_up: CatchUp) -> bool:
    """Make a version that was built the serving one; tell whether it had come far enough for that.

    Raises NotBuildingError, and what `catch_up` raises; nothing was changed then. The old version's projectors wait
    until this has ended, so `catch_up` has to be quick.
    """
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL synchronous_commit = on")
        pointer = await _hold_pointer(connection, version.projection)
        if pointer.version == version.version:
            return True  # the answer to an earlier attempt was lost
        if pointer.building != version.version:
            raise NotBuildingError(version)
        serving = ReadVersion(version.projection, pointer.version)
        old = await _hold_checkpoints(connection, serving)
        await catch_up(old)
        new = await _hold_checkpoints(connection, version)
        if any(new.get(shard, EntryId(0, 0)) < reached for shard, reached in old.items()):
            return False
        await connection.execute(
            "UPDATE read.projections SET version = $2, serving_since = clock_timestamp(), building = NULL,"
            " building_since = NULL, kept = $3 WHERE projection = $1",
            *version,
            serving.version,
        )
        await _end_version(connection, serving)
    return True


async def drop_building(pool: Pool, projection: str, tables: Sequence[str]) -> ReadVersion | None:
    """Give up the version that is being built, with its tables and checkpoints; return which one that was."""
    async with pool.acquire() as connection, connection.transaction():
        pointer = await _hold_pointer(connection, projection)
        if pointer.building is None:
            return None
        version = ReadVersion(projection, pointer.building)
        await _end_version(connection, version)
        await connection.execute(
            "UPDATE read.projections SET building = NULL, building_since = NULL WHERE projection = $1", projection
        )
        await connection.execute(drop_sql(version, tables))
        return version


async def drop_kept(pool: Pool, projection: str, tables: Sequence[str]) -> ReadVersion | None:
    """Drop the tables of the version before the serving one; return which one that was, None where none was kept."""
    async with pool.acquire() as connection, connection.transaction():
        pointer = await _hold_pointer(connection, projection)
        if pointer.kept is None:
            return None
        version = ReadVersion(projection, pointer.kept)
        await connection.execute("UPDATE read.projections SET kept = NULL WHERE projection = $1", projection)
        await connection.execute(drop_sql(version, tables))
        return version
