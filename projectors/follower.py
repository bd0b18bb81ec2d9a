"""One projection at work: what it knows, and what it needs."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from contracts.streams import EntryId
from infrastructure.postgres import Pool
from infrastructure.read_versions import ReadVersion
from projectors.announcer import Announcer
from projectors.inbox import Inbox
from projectors.projections import Projection
from projectors.services import ApplyDependencies

__all__ = ["FollowDependencies", "Follower", "ProjectionSwitchedError", "followed_version", "role_of"]


class ProjectionSwitchedError(Exception):
    """The version that was followed serves no longer."""


@dataclass(frozen=True)
class Follower:
    """One projection at work in the shards that are its own to work on: `checkpoints` is what it knows to be committed.

    `resting` shards wait for the next tick. `suspects` failed and are taken again from the log, where what fails is
    parked. `troubles` says by shard why it does not go on where that is no event's fault: it is tried again with each
    tick. `haunted` are the shards whose streams brought what the log does not hold, since the database was last
    connected to. `has_begun` is set once the own shards are known, `is_shared_anew` when they may be others.
    """

    projection: Projection
    inbox: Inbox
    checkpoints: dict[int, EntryId]
    suspects: set[int] = field(default_factory=set)
    resting: set[int] = field(default_factory=set)
    troubles: dict[int, str] = field(default_factory=dict)
    haunted: set[int] = field(default_factory=set)
    has_begun: asyncio.Event = field(default_factory=asyncio.Event)
    is_shared_anew: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class FollowDependencies:
    """What a worker needs. `held` returns the shards that are its own to work on now, None for all."""

    pool: Pool
    apply: ApplyDependencies
    announcer: Announcer
    held: Callable[[], frozenset[int] | None] = lambda: None


def role_of(projection: str) -> str:
    """Return the name under which replicas share the shards of a projection."""
    return f"projectors/{projection}"


def followed_version(follower: Follower, dependencies: FollowDependencies) -> ReadVersion:
    """Return the version that is followed."""
    return ReadVersion(follower.projection.name, dependencies.apply.version)
