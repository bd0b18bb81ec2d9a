"""Parking events: the part of the save that keeps what is not applied, with the checkpoint that moves past it.

A copy of the whole row of the log is kept. A root is parked while it has a row in `read.parked_roots`; who changes
that set gives the checkpoint another `parked_revision`, which the save compares: nobody saves with a set of old.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple
from uuid import UUID

__all__ = ["NOTHING_PARKED", "PARK", "Parked", "ParkedRoots", "park_arguments"]


class Parked(NamedTuple):
    """An event that is parked: with the error where it failed itself, None where it waits behind such a one."""

    position: int
    error: str | None


class ParkedRoots(NamedTuple):
    """The parked roots of a shard in a projection, and the revision that names this set."""

    revision: UUID | None
    roots: frozenset[UUID]


NOTHING_PARKED: Final = ParkedRoots(None, frozenset())
"""A shard where nothing was ever parked."""

# Follows `moved`. The three parameters: shards, positions, errors; `source` is the log, with its archive or without.
PARK: Final = """
, parked AS (
  INSERT INTO read.parked_events (projection, version, shard, position, epoch, event_id, event_type, workspace_id,
    aggregate_kind, aggregate_id, generation, root_id, recorded_at, envelope)
  SELECT $1, $2, l.shard, l.position, l.epoch, l.event_id, l.event_type, l.workspace_id,
    l.aggregate_kind, l.aggregate_id, l.generation, l.root_id, l.recorded_at, l.envelope
  FROM unnest(${0}::smallint[], ${1}::bigint[]) AS p(shard, position)
  JOIN {source} l ON l.shard = p.shard AND l.position = p.position
  WHERE p.shard IN (SELECT moved.shard FROM moved)
  RETURNING shard, position, root_id, workspace_id
), parked_roots AS (
  INSERT INTO read.parked_roots (projection, version, shard, root_id, workspace_id, failed_position, error)
  SELECT DISTINCT ON (k.shard, k.root_id) $1, $2, k.shard, k.root_id, k.workspace_id, k.position, p.error
  FROM parked k
  JOIN unnest(${0}::smallint[], ${1}::bigint[], ${2}::text[]) AS p(shard, position, error)
    ON p.shard = k.shard AND p.position = k.position
  WHERE p.error IS NOT NULL
  ORDER BY k.shard, k.root_id, k.position
  ON CONFLICT DO NOTHING
)
"""


def park_arguments(parked: Iterable[tuple[int, Parked]]) -> list[object]:
    """Return the arguments of `PARK` for events by shard."""
    events = list(parked)
    return [
        [shard for shard, _ in events],
        [event.position for _, event in events],
        [event.error for _, event in events],
    ]
