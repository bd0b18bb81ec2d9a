"""What is to be verified, and what came of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from bureau.verification.differences import Difference, Findings
from contracts.record import Record
from infrastructure.left_out import LeftOut
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient
from infrastructure.verification_events import FIRST_ID, LAST_ID
from projectors.projections import PROJECTIONS, Projection

__all__ = ["Advance", "Report", "Scope", "Tally", "Work"]

type Advance = Callable[[str, int, int | None], None]
"""Told again and again: the step under way, how much of it is done, and how much it is in all where that is known."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is compared. `is_deep`: bodies of stream entries and every row of the read models too.

    `after` leaves out the positions up to the given ones, by shard; `first` and `last` bound the aggregates.
    """

    is_deep: bool = False
    has_streams: bool = True
    has_write_side: bool = True
    has_receipts: bool = True
    projections: Sequence[Projection] = PROJECTIONS
    after: Mapping[int, int] = field(default_factory=dict)
    first: UUID = FIRST_ID
    last: UUID = LAST_ID
    patience_seconds: float = 10.0


class Report(Record):
    """What was looked at and what differs; `different` counts all, `differences` are the first of each kind.

    `unfolded` aggregates begin before the floor of the log, so that nobody can say what their rows should be.
    `skipped` events were left out of read models because somebody asked for it: the rows are compared without them.
    """

    is_equal: bool
    is_deep: bool
    shards: int
    events: int
    entries: int
    aggregates: int
    rows: int
    receipts: int
    unfolded: int
    different: int
    differences: tuple[Difference, ...]
    skipped: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """How much was looked at, by the names of the report's fields."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, number: int) -> None:
        """Count more of something."""
        self.counts[name] = self.counts.get(name, 0) + number

    def of(self, name: str) -> int:
        """Return how much there was of something."""
        return self.counts.get(name, 0)


@dataclass(frozen=True, slots=True)
class Work:
    """One verification under way: where it reads, what it compares, what it found."""

    pool: Pool
    redis: RedisClient
    scope: Scope
    findings: Findings
    tally: Tally
    advance: Advance
