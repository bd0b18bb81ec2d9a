"""Aggregates compared by processes of their own: the same report, whoever looks."""

from functools import partial
from uuid import UUID

import pytest
from redis.asyncio import Redis

from bureau.local.verify_processes import PartFailedError, run_parts
from bureau.verification import Processes, Report, Scope, verify
from bureau.verification.parts import Part, share_out
from infrastructure.postgres import Pool
from infrastructure.verification_events import FIRST_ID, LAST_ID
from tests.verification.line import Line, verify_line

MIDDLE = UUID(int=2**127)
DAMAGE = "DELETE FROM read.task_list WHERE task_id = (SELECT min(task_id::text)::uuid FROM read.task_list)"


def whole(*, is_deep: bool = True) -> Part:
    return Part(ranges=((FIRST_ID, LAST_ID),), is_deep=is_deep, has_write_side=True, most=20)


async def verify_in_processes(pool: Pool, redis: Redis, database_url: str) -> Report:
    run = partial(run_parts, database_url, "redis://127.0.0.1:1/0")
    return await verify(pool, redis, Scope(is_deep=True, patience_seconds=0), processes=Processes(2, run, fewest=0))


async def test_processes_come_to_the_same_report(line: Line, database_url: str) -> None:
    assert await verify_in_processes(line.pool, line.redis, database_url) == await verify_line(line.pool, line.redis)


async def test_processes_find_what_differs(line: Line, database_url: str) -> None:
    await line.pool.execute(DAMAGE)

    report = await verify_in_processes(line.pool, line.redis, database_url)

    assert [difference.kind.value for difference in report.differences] == ["view.missing"]
    assert report == await verify_line(line.pool, line.redis)


async def test_a_process_that_cannot_go_on_ends_the_whole(line: Line) -> None:
    with pytest.raises(PartFailedError):
        await verify_in_processes(line.pool, line.redis, "postgresql://127.0.0.1:1/bureau")


@pytest.mark.parametrize("bounds", [[], [MIDDLE], [UUID(int=5), MIDDLE, UUID(int=2**127 + 9)], [LAST_ID]])
def test_every_id_is_in_one_range_of_one_process(bounds: list[UUID]) -> None:
    ranges = sorted(each for part in share_out(bounds, 2, whole()) for each in part.ranges)

    assert (ranges[0][0], ranges[-1][1]) == (FIRST_ID, LAST_ID)
    assert [first.int for first, _ in ranges[1:]] == [last.int + 1 for _, last in ranges[:-1]]
