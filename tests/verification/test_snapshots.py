"""Verification holds no snapshot longer than a page: what others delete meanwhile is not kept for it."""

import asyncpg
import pytest

from bureau.verification import Scope, verify
from infrastructure.verification_events import Most
from tests.servers import run_in_thread
from tests.verification.line import Line

OPEN = """
SELECT application_name || ': ' || query FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
  AND (xact_start IS NOT NULL OR backend_xmin IS NOT NULL)
"""


async def test_no_snapshot_outlives_the_page_that_is_read_in_it(
    line: Line, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bureau.verification.streams._PAGE", 40)
    monkeypatch.setattr("bureau.verification.aggregates._CHUNK", Most(100, 1_000_000))
    still_open, steps = list[str](), list[str]()

    async def find_open() -> list[str]:
        connection = await asyncpg.connect(database_url)
        try:
            return [row[0] for row in await connection.fetch(OPEN)]
        finally:
            await connection.close()

    def advance(step: str, _done: int, _total: int | None) -> None:
        steps.append(step)
        still_open.extend(run_in_thread(find_open))

    report = await verify(line.pool, line.redis, Scope(is_deep=True, patience_seconds=0), advance=advance)

    assert report.is_equal
    assert still_open == []
    assert min(steps.count("log and streams"), steps.count("aggregates and read models")) > 5
    assert {"receipts", "sums of usage_sums"} <= set(steps)
