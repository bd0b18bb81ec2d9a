"""`verify`: every comparison, one after the other, on a service that goes on working.

First each shard's cut is taken: its head. Streams and checkpoints get a moment to reach it. Then the log and the
streams are read shard by shard in pages up to the cut, and after that all aggregates in chunks, each of them in a
snapshot of its own. Memory is bounded by one page, whatever the length of the log.
"""

from collections.abc import Sequence

from bureau.verification.aggregates import verify_aggregates
from bureau.verification.differences import Findings
from bureau.verification.receipts import verify_receipts
from bureau.verification.scope import Advance, Report, Scope, Skipped, Tally, Work
from bureau.verification.standings import verify_standings
from bureau.verification.streams import verify_shards
from bureau.verification.sums import verify_sums
from infrastructure.left_out import read_left_out
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient
from infrastructure.verification import read_cuts

__all__ = ["verify"]


async def verify(
    pool: Pool, redis: RedisClient, scope: Scope, *, advance: Advance | None = None, most: int = 20
) -> Report:
    """Compare what the scope names; raises what PostgreSQL or Redis raise where they are out of reach."""
    work = Work(pool, redis, scope, Findings(most), Tally(), advance or (lambda _step, _done, _total: None))
    cuts = await read_cuts(pool)
    await verify_standings(work, cuts)
    await verify_shards(work, cuts)
    await verify_aggregates(work, cuts)
    await verify_sums(work, cuts)
    if scope.has_receipts:
        await verify_receipts(work, cuts)
    skipped = await read_left_out(pool, [projection.name for projection in scope.projections])
    return _report(work, len(cuts), [Skipped(**each._asdict()) for each in skipped])


def _report(work: Work, shards: int, skipped: Sequence[Skipped]) -> Report:
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
