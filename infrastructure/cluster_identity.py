"""Which PostgreSQL cluster this is: system identifier and timeline, compared with what the database itself recorded.

A database that comes from another cluster, or that a standby was promoted to, may lack what was published before. The
row that says where it lived last travels with the data, so a connection tells. A managed server may refuse the
questions: then that part is unknown, agrees with anything, and only the streams tell.
"""

from functools import cache
from typing import Final, NamedTuple

import asyncpg
import structlog

from infrastructure.forks import Fork, Queries, find_forks
from infrastructure.redis_client import RedisClient

__all__ = [
    "ClusterChangedError",
    "ClusterIdentity",
    "StandbyError",
    "admit_cluster",
    "is_same_cluster",
    "read_identity",
    "read_recorded_identity",
    "record_identity",
    "refuse_changed_cluster",
    "tell_changed_cluster",
]

_LOG = structlog.get_logger(__name__)

_REFUSED: Final = (
    asyncpg.InsufficientPrivilegeError,
    asyncpg.UndefinedFunctionError,
    asyncpg.FeatureNotSupportedError,
)
_SYSTEM: Final = "SELECT system_identifier::text FROM pg_control_system()"
_TIMELINE: Final = "SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer"
_RECORDED: Final = "SELECT system_identifier, timeline FROM log.clusters ORDER BY recorded_at DESC, epoch DESC LIMIT 1"
_RECORD: Final = """
INSERT INTO log.clusters (epoch, system_identifier, timeline, reason)
SELECT max(epoch), $1, $2, $3 FROM log.epochs
ON CONFLICT (epoch, system_identifier, timeline)
DO UPDATE SET recorded_at = clock_timestamp(), reason = excluded.reason
"""


class ClusterIdentity(NamedTuple):
    """A cluster's system identifier and the timeline that it writes; empty and 0 where the server does not say."""

    system_identifier: str
    timeline: int

    def __str__(self) -> str:
        """Return both for people."""
        return f"system {self.system_identifier or 'unknown'}, timeline {self.timeline or 'unknown'}"


class StandbyError(ConnectionError):
    """The server is a standby: it may lack what its primary has committed, and becomes another timeline if promoted."""


class ClusterChangedError(ConnectionError, RuntimeError):
    """The database lives in another cluster, or on another timeline, than it recorded."""


async def read_identity(queries: Queries) -> ClusterIdentity:
    """Return what the server says of itself. Raises StandbyError."""
    if await queries.fetchval("SELECT pg_is_in_recovery()"):
        message = "the server is a standby, and is not used before it is promoted"
        raise StandbyError(message)
    return ClusterIdentity(str(await _ask(queries, _SYSTEM) or ""), int(str(await _ask(queries, _TIMELINE) or 0)))


async def read_recorded_identity(queries: Queries) -> ClusterIdentity | None:
    """Return what was recorded last, None where nothing was."""
    row = await queries.fetchrow(_RECORDED)
    return ClusterIdentity(*row) if row else None


async def record_identity(queries: Queries, identity: ClusterIdentity, reason: str) -> None:
    """Record where the database lives now, in its current epoch."""
    await queries.execute(_RECORD, *identity, reason)


async def refuse_changed_cluster(connection: Queries) -> None:
    """Do nothing where the cluster is the recorded one; what a pool runs on each new connection.

    Raises ClusterChangedError and StandbyError: then the connection is not used.
    """
    seen, recorded = await read_identity(connection), await read_recorded_identity(connection)
    if recorded is not None and not is_same_cluster(seen, recorded):
        raise ClusterChangedError(_explain(seen, recorded))


async def tell_changed_cluster(connection: Queries) -> None:
    """Log what `refuse_changed_cluster` would refuse, and let the connection be used.

    For those who take commands and answer queries: they work on what the database holds now, whatever it lost.
    """
    try:
        await refuse_changed_cluster(connection)
    except (ClusterChangedError, StandbyError, asyncpg.PostgresError) as error:
        _LOG.error("cluster changed", error=str(error))


async def admit_cluster(redis: RedisClient, connection: Queries) -> None:
    """Refuse a changed cluster, unless every stream's end is in its log: then nothing was lost, and that is recorded.

    Raises as `refuse_changed_cluster` does, and the errors of a Redis out of reach.
    """
    seen, recorded = await read_identity(connection), await read_recorded_identity(connection)
    if recorded is not None and is_same_cluster(seen, recorded):
        return
    if recorded is not None:
        differing = [_describe(fork) for fork in await find_forks(connection, redis) if not _holds_end(fork)]
        if differing:
            raise ClusterChangedError(f"{_explain(seen, recorded)} (shards {', '.join(differing)})")
    await record_identity(connection, seen, "every stream's end is in the log" if recorded else "first seen")
    _LOG.warning("cluster admitted", identity=str(seen), was=str(recorded))


def _holds_end(fork: Fork) -> bool:
    """Tell whether the log holds what the stream ends with; a stream that is not there proves nothing."""
    if fork.strange:
        return False
    if fork.stream_end == (0, 0):
        return fork.head.position == 0
    return not fork.is_lost


def _describe(fork: Fork) -> str:
    return f"{fork.shard}: {fork.strange}" if fork.strange else str(fork.shard)


async def _ask(queries: Queries, question: str) -> object:
    """Return the answer, None where the server refuses to tell."""
    try:
        return await queries.fetchval(question)
    except _REFUSED as error:
        _tell_unknown(question, str(error))
        return None


@cache
def _tell_unknown(question: str, error: str) -> None:
    """Say once a process what the server does not tell: it is asked on every new connection."""
    _LOG.warning("the server does not say which cluster it is", question=question, error=error)


def is_same_cluster(seen: ClusterIdentity, recorded: ClusterIdentity) -> bool:
    """Tell whether nothing that is known of both differs."""
    return all(
        not left or not right or left == right
        for left, right in (
            (seen.system_identifier, recorded.system_identifier),
            (seen.timeline, recorded.timeline),
        )
    )


def _explain(seen: ClusterIdentity, recorded: ClusterIdentity) -> str:
    return (
        f"this database was recorded on {recorded}, and is now on {seen}: it may lack what was published;"
        " the relay goes on by itself where the end of every stream is in the log, else see `bureau epoch show`,"
        " then `bureau epoch bump`"
    )
