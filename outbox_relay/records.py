"""What the relay knows of itself: where each shard stands, and what keeps it from going on. Frozen records only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from contracts.streams import EntryId
from infrastructure.log_batches import LogBatch

__all__ = ["RELAY_ROLE", "RelayPass", "RelayRequest", "RelayStatus", "ShardCondition", "ShardState"]


_NOWHERE: Final = EntryId(0, 0)

RELAY_ROLE: Final = "relay"
"""Under which name relays share the shards out."""


class ShardCondition(StrEnum):
    """What the relay does with a shard."""

    LOCATING = "locating"
    """Its stream must be asked where it ends."""
    FOLLOWING = "following"
    WAITING = "waiting"
    """Redis refuses to append; tried again at every check."""
    STOPPED = "stopped"
    """Stream and log differ; looked at again at every check, so that it goes on when somebody has mended it."""


@dataclass(frozen=True, slots=True)
class ShardState:
    """With which entry the stream is believed to end. Memory says where to look first, never what to append."""

    condition: ShardCondition = ShardCondition.LOCATING
    end: EntryId = _NOWHERE
    error: str = ""

    @property
    def position(self) -> int:
        """Return the last position that the stream is believed to hold."""
        return self.end.position


@dataclass(frozen=True, slots=True)
class RelayRequest:
    """One pass over all shards; `is_check` also compares streams with nothing new and looks at stopped shards."""

    shards: Mapping[int, ShardState]
    is_check: bool
    ahead: Sequence[LogBatch] = ()
    """Read already during the pass before, each batch from where its shard stands now; empty: read."""


@dataclass(frozen=True, slots=True)
class RelayPass:
    """What a pass came to: the shards afterwards, the events sent, whether more waits for sure, what was read."""

    shards: Mapping[int, ShardState]
    events: int
    is_behind: bool
    ahead: Sequence[LogBatch] = ()


@dataclass(frozen=True, slots=True)
class RelayStatus:
    """What /ready shows of the shards that this relay holds; `trouble` names what is out of reach, empty: nothing."""

    shards: Mapping[int, ShardState] = field(default_factory=dict)
    trouble: str = ""
