"""Dead letters as people see them, and what they ask for: a parked root is one dead letter, by projection and version.

Reads read.parked_roots and read.parked_events. Writes read.parked_requests alone: the projector that holds the shard
does what is asked, and writes the outcome there. Nothing here touches a checkpoint.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

from infrastructure.clock import monotonic_seconds
from infrastructure.postgres import Pool
from infrastructure.read_models import ReadModels, serving_version

__all__ = [
    "Action",
    "DeadLetter",
    "DeadLetterFilter",
    "DeadLetterRequest",
    "ParkedEventRow",
    "WantedAction",
    "add_request",
    "count_dead_letters",
    "find_dead_letter",
    "is_anything_parked",
    "may_operate",
    "read_dead_letters",
    "read_parked_page",
    "read_requests",
    "wait_for_requests",
]

_PAUSE_SECONDS: Final = 0.1
_OPERATORS: Final = frozenset({"operator", "admin"})

type Action = Literal["retry", "skip"]


class DeadLetter(NamedTuple):
    """A parked root: where it waits, the event that failed, how often and why, and how many events wait."""

    dead_letter_id: UUID
    projection: str
    version: int
    shard: int
    root_id: UUID
    workspace_id: str
    position: int
    event_id: UUID
    event_type: str
    error: str
    attempts: int
    parked_at: datetime
    failed_at: datetime
    events: int


class DeadLetterFilter(NamedTuple):
    """Which dead letters are meant; None means any."""

    workspace_id: str | None = None
    projection: str | None = None
    root_id: UUID | None = None


class ParkedEventRow(NamedTuple):
    """An event that waits, as the log held it."""

    position: int
    epoch: int
    event_id: UUID
    event_type: str
    aggregate_kind: str
    aggregate_id: UUID
    generation: int
    recorded_at: datetime
    envelope: bytes


class WantedAction(NamedTuple):
    """What somebody asks for: `request_id` makes it one request however often it is sent; `event_id` is to skip."""

    request_id: UUID
    dead_letter_id: UUID
    action: Action
    requested_by: str
    event_id: UUID | None = None


class DeadLetterRequest(NamedTuple):
    """What was asked for, and what became of it: no outcome while no projector has done it.

    `outcome` is `released` (nothing waits any more), `failed_again` or `refused`; `applied` counts events.
    """

    request_id: UUID
    dead_letter_id: UUID
    projection: str
    root_id: UUID
    action: str
    event_id: UUID | None
    requested_by: str
    requested_at: datetime
    finished_at: datetime | None
    outcome: str | None
    applied: int
    error: str | None


_LETTERS: Final = """
SELECT r.dead_letter_id, r.projection, r.version, r.shard, r.root_id, r.workspace_id, f.position, f.event_id,
  f.event_type, r.error, r.attempts, r.parked_at, r.failed_at, n.events
FROM read.parked_roots r
CROSS JOIN LATERAL (
  SELECT e.position, e.event_id, e.event_type FROM read.parked_events e
  WHERE e.projection = r.projection AND e.version = r.version AND e.root_id = r.root_id ORDER BY e.position LIMIT 1
) AS f
CROSS JOIN LATERAL (
  SELECT count(*) AS events FROM read.parked_events e
  WHERE e.projection = r.projection AND e.version = r.version AND e.root_id = r.root_id
) AS n
WHERE ($1::text IS NULL OR r.workspace_id = $1) AND ($2::text IS NULL OR r.projection = $2)
  AND ($3::uuid IS NULL OR r.root_id = $3) AND ($4::uuid IS NULL OR r.dead_letter_id = $4)
  AND ($5::uuid IS NULL OR r.dead_letter_id > $5) AND EXISTS (
    SELECT FROM read.checkpoints c WHERE c.projection = r.projection AND c.version = r.version AND c.shard = r.shard
  )
ORDER BY r.dead_letter_id LIMIT $6
"""


async def read_dead_letters(
    pool: Pool, wanted: DeadLetterFilter, *, after: UUID | None = None, limit: int = 1000
) -> list[DeadLetter]:
    """Return the dead letters that follow an id, by id."""
    rows = await pool.fetch(_LETTERS, *wanted, None, after, limit)
    return [DeadLetter(*row) for row in rows]


async def find_dead_letter(pool: Pool, dead_letter_id: UUID, *, workspace_id: str | None = None) -> DeadLetter | None:
    """Return a dead letter, or None where it is no more, was never, or belongs to another workspace."""
    row = await pool.fetchrow(_LETTERS, workspace_id, None, None, dead_letter_id, None, 1)
    return None if row is None else DeadLetter(*row)


async def is_anything_parked(models: ReadModels, projection: str, workspace_id: str, root_id: UUID | None) -> bool:
    """Tell whether a root of a workspace, or any where it is None, is parked in the version that serves."""
    found: bool = await models.pool.fetchval(
        "SELECT EXISTS (SELECT FROM read.parked_roots WHERE projection = $1 AND version = $2 AND workspace_id = $3"
        " AND ($4::uuid IS NULL OR root_id = $4))",
        projection,
        serving_version(models, projection),
        workspace_id,
        root_id,
    )
    return found


async def count_dead_letters(pool: Pool) -> dict[tuple[str, int], tuple[int, int]]:
    """Return how many roots and how many events are parked, by projection and version."""
    rows = await pool.fetch(
        "SELECT r.projection, r.version, count(*) AS roots, (SELECT count(*) FROM read.parked_events e"
        " WHERE e.projection = r.projection AND e.version = r.version) AS events"
        " FROM read.parked_roots r WHERE EXISTS (SELECT FROM read.checkpoints c"
        " WHERE c.projection = r.projection AND c.version = r.version AND c.shard = r.shard)"
        " GROUP BY r.projection, r.version"
    )
    return {(row["projection"], row["version"]): (row["roots"], row["events"]) for row in rows}


async def read_parked_page(pool: Pool, letter: DeadLetter, *, after: int = 0, limit: int = 100) -> list[ParkedEventRow]:
    """Return the events of a dead letter that follow a position, in order."""
    rows = await pool.fetch(
        "SELECT position, epoch, event_id, event_type, aggregate_kind, aggregate_id, generation, recorded_at, envelope"
        " FROM read.parked_events WHERE projection = $1 AND version = $2 AND root_id = $3 AND position > $4"
        " ORDER BY position LIMIT $5",
        letter.projection,
        letter.version,
        letter.root_id,
        after,
        limit,
    )
    return [ParkedEventRow(*row) for row in rows]


# The root is held: a switch that ends its version is waited for, and ends what was asked of it before.
_ADD: Final = """
INSERT INTO read.parked_requests (request_id, dead_letter_id, projection, version, shard, root_id, workspace_id,
  action, requested_by, event_id, position)
SELECT $1, r.dead_letter_id, r.projection, r.version, r.shard, r.root_id, r.workspace_id, $3, $4, $5, (
  SELECT e.position FROM read.parked_events e
  WHERE e.projection = r.projection AND e.version = r.version AND e.root_id = r.root_id AND e.event_id = $5
)
FROM read.parked_roots r WHERE r.dead_letter_id = $2 AND ($6::text IS NULL OR r.workspace_id = $6) FOR SHARE OF r
ON CONFLICT (request_id) DO NOTHING
"""

_REQUESTS: Final = """
SELECT request_id, dead_letter_id, projection, root_id, action, event_id, requested_by, requested_at, finished_at,
  outcome, applied, error
FROM read.parked_requests WHERE request_id = ANY($1) ORDER BY requested_at, request_id
"""


async def add_request(pool: Pool, wanted: WantedAction, *, workspace_id: str | None = None) -> DeadLetterRequest | None:
    """Ask for something and return the request; the same again returns the first.

    None where there is no such dead letter, or another workspace's.
    """
    await pool.execute(_ADD, *wanted, workspace_id)
    found = await read_requests(pool, [wanted.request_id])
    return found[0] if found else None


async def read_requests(pool: Pool, request_ids: Sequence[UUID]) -> list[DeadLetterRequest]:
    """Return requests as they stand now, oldest first."""
    return [DeadLetterRequest(*row) for row in await pool.fetch(_REQUESTS, list(request_ids))]


async def wait_for_requests(pool: Pool, request_ids: Sequence[UUID], seconds: float) -> list[DeadLetterRequest]:
    """Return requests as soon as all are done, or as they are when the time is over, oldest first."""
    deadline = monotonic_seconds() + seconds
    while True:
        requests = await read_requests(pool, request_ids)
        if all(request.outcome for request in requests) or monotonic_seconds() > deadline:
            return requests
        await asyncio.sleep(_PAUSE_SECONDS)


def may_operate(roles: frozenset[str]) -> bool:
    """Tell whether a key with these roles may see the dead letters of its workspace and ask for something."""
    return not roles.isdisjoint(_OPERATORS)
