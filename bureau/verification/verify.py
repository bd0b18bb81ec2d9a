"""`verify`: every comparison, one after the other, on a service that goes on working.

First each shard's cut is taken: its head. Streams and checkpoints get a moment to reach it. Then the log and the
streams are read shard by shard in pages up to the cut, and after that all aggregates in chunks, each of them in a
snapshot of its own. Memory is bounded by one of these, which is so many events and bytes, or a single aggregate that is
larger, whatever the length of the log; event ids and sums over many roots lie in temporary files. The aggregates, four
fifths of the work, may be given to processes of their own, which go through them while this one reads the streams.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from bureau.verification.aggregates import verify_aggregates
from bureau.verification.differences import Findings
from bureau.verification.parts import Part, PartFound, merge, ranges_for, share_out
from bureau.verification.receipts import verify_receipts
from bureau.verification.scope import Advance, Report, Scope, Tally, Work
from bureau.verification.standings import verify_standings
from bureau.verification.streams import verify_shards
from bureau.verification.sums import verify_sums
from infrastructure.left_out import LeftOut, read_left_out
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient
from infrastructure.verification import ShardCut, read_cuts
from infrastructure.verification_events import read_bounds

__all__ = ["Processes", "verify"]


@dataclass(frozen=True, slots=True)
class Processes:
    """How many processes there may be beside this one, and how they are run: each tells what it finds as it comes.

    With fewer events than `fewest` none is worth its start.
    """

    count: int
    run: Callable[[Sequence[Part], Callable[[PartFound], None]], Awaitable[None]]
    fewest: int = 100_000


async def verify(
    pool: Pool,
    redis: RedisClient,
    scope: Scope,
    *,
    advance: Advance | None = None,
    most: int = 20,
    processes: Processes | None = None,
) -> Report:
    """Compare what the scope names; raises what PostgreSQL or Redis raise where they are out of reach.

    Processes compare all projections, whatever the scope names.
    """
    work = Work(pool, redis, scope, Findings(most), Tally(), advance or (lambda _step, _done, _total: None))
    cuts = await read_cuts(pool)
    await verify_standings(work, cuts)
    try:
        async with asyncio.TaskGroup() as group:
            beside = None if processes is None or _count_events(cuts) < processes.fewest else processes
            if beside is not None:
                group.create_task(_run_processes(work, cuts, beside))
            await verify_shards(work, cuts)
            if beside is None:
                await verify_aggregates(work, cuts)
            await verify_sums(work, cuts)
            if scope.has_receipts:
                await verify_receipts(work, cuts)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    skipped = await read_left_out(pool, [projection.name for projection in scope.projections])
    return _report(work, len(cuts), skipped)


def _count_events(cuts: Mapping[int, ShardCut]) -> int:
    return sum(cut.head.position - cut.floor.position for cut in cuts.values())


async def _run_processes(work: Work, cuts: Mapping[int, ShardCut], processes: Processes) -> None:
    """Have all aggregates compared by processes."""
    scope, total, done = work.scope, _count_events(cuts), 0
    bounds = await read_bounds(work.pool, ranges_for(processes.count))
    whole = Part(
        ranges=((scope.first, scope.last),),
        is_deep=scope.is_deep,
        has_write_side=scope.has_write_side,
        most=work.findings.most,
    )

    def take(found: PartFound) -> None:
        nonlocal done
        done += found.events
        merge(found, work.tally, work.findings)
        work.advance("aggregates and read models" if scope.is_deep else "aggregates", done, max(done, total))

    await processes.run(share_out(bounds, processes.count, whole), take)


def _report(work: Work, shards: int, skipped: Sequence[LeftOut]) -> Report:
    counts = work.tally
    different = sum(work.findings.counts.values())
    return Report(
        is_equal=different == 0,
        is_deep=work.scope.is_deep,
        shards=shards,
        events=counts.of("events"),
        entries=counts.of("entries"),
        aggregates=counts.of("aggregates"),
        rows=counts.of("rows"),
        receipts=counts.of("receipts"),
        unfolded=counts.of("unfolded"),
        different=different,
        differences=tuple(work.findings.first),
        skipped=tuple(skipped),
    )
