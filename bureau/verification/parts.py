"""Aggregates compared by processes of their own: which ranges of ids each gets, and what they say of them, as JSON."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from bureau.verification.differences import Difference, Findings, Kind
from bureau.verification.scope import Tally
from contracts.record import Record

__all__ = ["Part", "PartFound", "found_in", "merge", "ranges_for", "share_out"]

_RANGES_A_PROCESS = 4
"""Some are more work than others: each process gets several, from all over."""


class Part(Record):
    """What one process compares: the aggregates from the first to the last id of each range, both included."""

    ranges: tuple[tuple[UUID, UUID], ...]
    is_deep: bool
    has_write_side: bool
    most: int


class PartFound(Record):
    """What a process has looked at since it last said so, and what differs: as in `Tally` and `Findings`.

    `events` is how many events its chunks had, for the bar.
    """

    events: int
    counts: Mapping[str, int]
    kinds: Mapping[Kind, int]
    first: tuple[Difference, ...]


def share_out(bounds: Sequence[UUID], processes: int, part: Part) -> list[Part]:
    """Return a part for each process; the bounds are the last ids of all ranges but the last, ascending."""
    [(first, last)] = part.ranges
    inner = [bound for bound in bounds if first <= bound < last]
    starts = [first, *(UUID(int=bound.int + 1) for bound in inner)]
    ends = [*inner, last]
    ranges = list(zip(starts, ends, strict=True))
    shares = (tuple(ranges[number::processes]) for number in range(processes))
    return [part.model_copy(update={"ranges": share}) for share in shares if share]


def ranges_for(processes: int) -> int:
    """Return into how many ranges the ids are divided."""
    return processes * _RANGES_A_PROCESS


def found_in(events: int, tally: Tally, findings: Findings) -> PartFound:
    """Return what was found, to be said."""
    return PartFound(events=events, counts=tally.counts, kinds=findings.counts, first=tuple(findings.first))


def merge(found: PartFound, tally: Tally, findings: Findings) -> None:
    """Add what a process found to what is known; the first differences of each kind are kept."""
    for name, number in found.counts.items():
        tally.add(name, number)
    room = {kind: findings.most - findings.counts[kind] for kind in found.kinds}
    for difference in found.first:
        if room[difference.kind] > 0:
            findings.first.append(difference)
            room[difference.kind] -= 1
    findings.counts.update(found.kinds)
