"""The events of aggregates: versions 1..n once, in order, and as many as the write side says. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from operator import attrgetter
from uuid import UUID

from bureau.verification.differences import Kind
from infrastructure.verification_events import AggregateEvent

__all__ = ["compare_generations", "compare_history", "group_by_aggregate"]

type Found = tuple[Kind, str, str]


def group_by_aggregate(events: Sequence[AggregateEvent]) -> dict[UUID, list[AggregateEvent]]:
    """Return the events of each aggregate; they come sorted."""
    return {aggregate: list(own) for aggregate, own in groupby(events, key=attrgetter("aggregate_id"))}


def compare_history(aggregate: UUID, events: Sequence[AggregateEvent], floors: Mapping[int, int]) -> Iterator[Found]:
    """Say what is wrong with an aggregate's events, sorted by generation: one shard, versions 1..n, in the log's order.

    Where the log was cut, an aggregate may begin with a later version.
    """
    where = f"aggregate {aggregate}"
    if len({event.shard for event in events}) > 1:
        yield Kind.LOG_ORDER, where, f"its events are in several shards: {sorted({event.shard for event in events})}"
    first = events[0].generation
    start = first if floors.get(events[0].shard, 0) else 1
    generations = [event.generation for event in events]
    if generations != list(range(start, start + len(generations))):
        yield Kind.LOG_GENERATION, where, f"the log has the versions {_short(generations)}, not 1 to n once each"
    for before, after in pairwise(events):
        if before.shard == after.shard and before.position >= after.position:
            words = f"version {after.generation} stands at {after.position}, before version {before.generation}"
            yield Kind.LOG_ORDER, f"{where} shard {after.shard}", words
            return


def compare_generations(
    logged: Mapping[UUID, Sequence[AggregateEvent]], stored: Mapping[UUID, int], *, is_cut: bool
) -> Iterator[Found]:
    """Say where the write side counts other versions than the log; `is_cut`: the log may have lost whole histories."""
    for aggregate in sorted(logged.keys() | stored.keys()):
        kept = stored.get(aggregate)
        last = logged[aggregate][-1].generation if aggregate in logged else 0
        if kept == last or (is_cut and not last):
            continue
        said = "does not know it" if kept is None else f"is at version {kept}"
        words = f"the write side {said}, the log {f'ends with version {last}' if last else 'has no event of it'}"
        yield Kind.AGGREGATE_GENERATION, f"aggregate {aggregate}", words


def _short(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:10])
    return f"{shown} … ({len(numbers)} in all)" if len(numbers) > 10 else shown  # noqa: PLR2004 - what fits in a line
