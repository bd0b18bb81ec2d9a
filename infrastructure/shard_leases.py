"""Sharing the shards of a role out among processes: who works on what, by leases in PostgreSQL.

Reads and writes log.members and log.shard_leases, by the database's clock alone: what a member's own clock says does
not matter. A lease saves work and decides nothing: nothing may rest on being the only holder.

Each living member gets its fair share; shares differ by one at the most. Whoever has more gives the surplus up, whoever
has less claims what is free or was held by the dead. Members that are too many for the shards stand by with none.
"""

import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from infrastructure.identifiers import new_id
from infrastructure.postgres import Pool

__all__ = [
    "LEASE_SECONDS",
    "LeaseHolder",
    "Member",
    "Share",
    "new_member",
    "read_lease_holders",
    "release_leases",
    "renew_leases",
    "stand_aside",
    "unfit_role",
]

_UNFIT: Final = " (unfit)"

LEASE_SECONDS: Final = 1.4
"""How long a member lives after its last renewal. With the pause between renewals it bounds a takeover."""

_RENEW: Final = "SELECT o_role, o_shards, o_members, o_is_news FROM log.renew_leases($1, $2, $3, $4, $5)"

_RELEASE: Final = """
WITH gone AS (DELETE FROM log.members WHERE member = $1 AND role = ANY($2) RETURNING role, member)
UPDATE log.shard_leases l SET holder = NULL FROM gone WHERE l.role = gone.role AND l.holder = gone.member
"""

# A role of its own: who cannot work counts for nobody's share, and is seen all the same. The dead are gone by then.
_STAND_ASIDE: Final = """
WITH dead AS (
  DELETE FROM log.members WHERE role = ANY ($3) AND expires_at < clock_timestamp() - interval '1 minute'
    AND member <> $1
)
INSERT INTO log.members AS m (role, member, name, expires_at, report)
SELECT role, $1, $2, clock_timestamp() + make_interval(secs => $4), $5 FROM unnest($3::text[]) AS role
ON CONFLICT (role, member) DO UPDATE SET expires_at = excluded.expires_at, report = excluded.report
"""

_READ: Final = """
SELECT m.role, m.member, m.name, ARRAY(
  SELECT l.shard FROM log.shard_leases l WHERE l.role = m.role AND l.holder = m.member ORDER BY l.shard), m.report
FROM log.members m
WHERE m.role = ANY($1) AND m.expires_at > clock_timestamp() ORDER BY m.role, m.member
"""


class Member(NamedTuple):
    """One process among those that share the shards of a role; the name is for people."""

    member_id: UUID
    name: str


class Share(NamedTuple):
    """What a member holds of a role; `is_news`: it came, or gave something up, so the others should look at once."""

    shards: frozenset[int]
    members: int
    is_news: bool


class LeaseHolder(NamedTuple):
    """A living member of a role with the shards that it holds, ascending, and what it says of its work."""

    role: str
    member_id: UUID
    name: str
    shards: Sequence[int]
    report: str


def new_member() -> Member:
    """Return a member that stands for this process, named by host and process id."""
    return Member(new_id(), f"{socket.gethostname()}:{os.getpid()}")


async def renew_leases(
    pool: Pool, member: Member, roles: Iterable[str], *, seconds: float = LEASE_SECONDS, report: str = ""
) -> Mapping[str, Share]:
    """Live for so many seconds more in all the roles, and return the share of each, in one round trip.

    The report is kept beside the lease for people to read.
    """
    rows = await pool.fetch(_RENEW, member.member_id, member.name, list(roles), seconds, report)
    return {role: Share(frozenset(shards), members, is_news) for role, shards, members, is_news in rows}


async def release_leases(pool: Pool, member: Member, roles: Iterable[str]) -> None:
    """Leave the roles, so that the others need not wait until the leases run out."""
    await pool.execute(_RELEASE, member.member_id, list(roles))


async def stand_aside(
    pool: Pool, member: Member, roles: Iterable[str], *, seconds: float = LEASE_SECONDS, report: str = ""
) -> None:
    """Be seen for so many seconds more as one who cannot work, and has left the roles to the others."""
    await pool.execute(_STAND_ASIDE, member.member_id, member.name, list(map(unfit_role, roles)), seconds, report)


def unfit_role(role: str) -> str:
    """Return the role of those who cannot work in a role."""
    return f"{role}{_UNFIT}"


async def read_lease_holders(pool: Pool, roles: Iterable[str]) -> list[LeaseHolder]:
    """Return the living members of the roles, by role and age."""
    return [LeaseHolder(*row) for row in await pool.fetch(_READ, list(roles))]
