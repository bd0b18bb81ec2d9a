"""One of the processes that compare aggregates: `python -m bureau.verification.part_process`, the part on its input.

DATABASE_URL says where. After each chunk it says on standard output, a line of JSON, what it found since the last one.
Exit codes: 0 done, 1 it could not be carried out (the reason is the last line on standard error).
"""

import asyncio
import sys
from functools import partial

from bureau.verification.aggregates import verify_aggregates
from bureau.verification.differences import Findings
from bureau.verification.parts import Part, found_in
from bureau.verification.scope import Scope, Tally, Work
from infrastructure.postgres import open_pool
from infrastructure.redis_client import open_redis
from infrastructure.settings import Settings
from projectors.collecting import collect_less

__all__ = ["main"]


def _tell(tally: Tally, findings: Findings, told: list[int], _step: str, events: int, _total: int | None) -> None:
    """Say what was found since the last time, and forget it; `events` counts from the beginning of the range."""
    sys.stdout.write(f"{found_in(events - told[0], tally, findings).model_dump_json()}\n")
    sys.stdout.flush()
    told[0] = events
    tally.counts.clear()
    findings.first.clear()
    findings.counts.clear()


async def _compare(part: Part, settings: Settings) -> None:
    pool = await open_pool(settings.database_url.get_secret_value(), size=1, application_name="bureau verify")
    redis = open_redis(settings.redis_url.get_secret_value())  # nothing is asked of it
    tally, findings = Tally(), Findings(part.most)
    try:
        for first, last in part.ranges:
            scope = Scope(is_deep=part.is_deep, has_write_side=part.has_write_side, first=first, last=last)
            tell = partial(_tell, tally, findings, [0])
            await verify_aggregates(Work(pool, redis, scope, findings, tally, tell), {})
    finally:
        await redis.aclose()
        pool.terminate()


def main() -> int:
    """Compare what the part names; return the exit code."""
    part = Part.model_validate_json(sys.stdin.buffer.readline())
    collect_less()
    try:
        asyncio.run(_compare(part, Settings()))
    except Exception as error:  # noqa: BLE001 - whatever it is, its words are for who started this
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
