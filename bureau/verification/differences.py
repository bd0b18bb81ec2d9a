"""What a verification found: every difference counted, the first of each kind kept in words."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from contracts.record import Record

__all__ = ["Difference", "Findings", "Kind", "note", "note_all"]


class Kind(StrEnum):
    """What differs; the values are stable, programs may rely on them."""

    LOG_HOLE = "log.hole"
    LOG_TWICE = "log.event_twice"
    LOG_EPOCH = "log.epoch"
    LOG_SHARD = "log.shard"
    LOG_GENERATION = "log.generation"
    LOG_ORDER = "log.order"
    STREAM_BEHIND = "stream.behind"
    STREAM_BEYOND = "stream.beyond"
    STREAM_OTHER_KEY = "stream.other_key"
    STREAM_MISSING = "stream.missing"
    STREAM_SURPLUS = "stream.surplus"
    STREAM_DIFFERENT = "stream.different"
    AGGREGATE_GENERATION = "aggregate.generation"
    RECEIPT_POSITION = "receipt.position"
    CHECKPOINT_BEHIND = "checkpoint.behind"
    CHECKPOINT_BEYOND = "checkpoint.beyond"
    VIEW_MISSING = "view.missing"
    VIEW_SURPLUS = "view.surplus"
    VIEW_DIFFERENT = "view.different"
    VIEW_UNFOLDABLE = "view.unfoldable"
    VIEW_PARKED = "view.parked"


class Difference(Record):
    """One thing that is not as it should be: `where` on the line, and in words what is there and what should be."""

    kind: Kind
    where: str
    what: str

    def __str__(self) -> str:
        """Return the line that people read."""
        return f"{self.kind} {self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Findings:
    """The first `most` differences of each kind, and how many there are of each."""

    most: int = 20
    first: list[Difference] = field(default_factory=list)
    counts: Counter[Kind] = field(default_factory=Counter)


def note(findings: Findings, kind: Kind, where: str, what: str) -> None:
    """Count a difference, and keep it where it is among the first of its kind."""
    findings.counts[kind] += 1
    if findings.counts[kind] <= findings.most:
        findings.first.append(Difference(kind=kind, where=where, what=what))


def note_all(findings: Findings, differences: Iterable[tuple[Kind, str, str]]) -> None:
    """Count several."""
    for kind, where, what in differences:
        note(findings, kind, where, what)
