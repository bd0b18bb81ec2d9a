"""One projection at work: what it knows, and what it needs."""

from dataclasses import dataclass, field

from contracts.streams import EntryId
from infrastructure.postgres import Pool
from projectors.announcing import Announcer
from projectors.inbox import Inbox
from projectors.projections import Projection
from projectors.services import ApplyDependencies

__all__ = ["FollowDependencies", "Follower", "ProjectionSwitchedError"]


class ProjectionSwitchedError(Exception):
    """The version that was followed serves no longer."""


@dataclass(frozen=True)
class Follower:
    """One projection at work. `checkpoints` is what it knows to be committed; `resting` shards wait for the next tick.

    `attempts` counts failures in a row by shard; `halted` says by shard why it does not go on. `haunted` are the shards
    whose streams brought what the log does not hold, since the database was last connected to.
    """

    projection: Projection
    inbox: Inbox
    checkpoints: dict[int, EntryId]
    attempts: dict[int, int] = field(default_factory=dict)
    resting: set[int] = field(default_factory=set)
    halted: dict[int, str] = field(default_factory=dict)
    haunted: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class FollowDependencies:
    """What a worker needs."""

    pool: Pool
    apply: ApplyDependencies
    announcer: Announcer
