"""The way back from the archive: the log gets its beginning back, all of it or nothing, and keeps it for a day."""

import json
import random

import asyncpg
import pytest
from redis.asyncio import Redis

from infrastructure.log_restoring import HistoryLostError, read_archive, restore_log
from infrastructure.postgres import Pool
from infrastructure.retention import hold_retention
from outbox_relay.services.keep_retention import archive_once
from tests.oracle import has_caught_up
from tests.polling import poll_until
from tests.relay.conftest import RelayStarter
from tests.relay.test_groups import append
from tests.relay.test_retention import counts, keeping, old_log, words
from tests.runtime.command_line import bureau

__all__ = ["old_log"]


@pytest.fixture
async def archived(old_log: Pool, redis: Redis) -> Pool:
    """The old log, its first partition in the archive."""
    await archive_once(keeping(old_log, redis))
    return old_log


async def floors(pool: Pool) -> set[tuple[int, int]]:
    return {tuple(row) for row in await pool.fetch("SELECT epoch, position FROM log.floors")}


async def test_the_log_begins_at_its_beginning_again_and_stays_so_for_a_day(
    archived: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    assert [(each.name, each.start, each.after) for each in await read_archive(archived)] == [
        ("events_000000", 0, 1_000_000)
    ]
    assert await restore_log(archived) == 1
    assert (await counts(archived), await floors(archived)) == ((35, 0), {(1, 0)})
    await append(archived, 3, randomness)
    async with relay():
        await poll_until(lambda: has_caught_up(archived, redis))
    await archive_once(keeping(archived, redis))
    assert (await words(archived)).startswith("the log was given its beginning back at ")
    assert await counts(archived) == (38, 0)
    await archived.execute("UPDATE log.upkeep SET ran_at = ran_at - interval '2 days' WHERE job = 'log restoring'")
    await archive_once(keeping(archived, redis))
    assert await counts(archived) == (29, 9)


async def test_a_history_that_is_not_whole_is_not_restored(archived: Pool) -> None:
    await archived.execute("ALTER TABLE log_archive.events DETACH PARTITION log_archive.events_000000")
    with pytest.raises(HistoryLostError, match="positions 1 to 999999 are neither in the log nor in the archive"):
        await restore_log(archived)
    assert await counts(archived) == (26, 0)


async def test_what_retention_cannot_be_told_of_is_not_restored(archived: Pool) -> None:
    """It would take the partitions out again with its next look."""
    await archived.execute("ALTER TABLE log.upkeep ADD CHECK (job <> 'log restoring')")
    with pytest.raises(asyncpg.CheckViolationError):
        await restore_log(archived)
    assert await counts(archived) == (26, 9)


async def test_nothing_is_restored_while_somebody_archives(archived: Pool) -> None:
    async with hold_retention(archived):
        with pytest.raises(HistoryLostError, match="try again"):
            await restore_log(archived)
    assert await counts(archived) == (26, 9)


async def test_the_command_line_lists_and_restores(archived: Pool, database_url: str) -> None:
    def run(*arguments: str) -> "tuple[int, str, str]":
        environment = {"DATABASE_URL": database_url}
        done = bureau("archive", *arguments, "--directory", "/nonexistent", environment=environment)
        return done.returncode, done.stdout, done.stderr

    assert json.loads(run("list", "--json")[1])["partitions"][0]["name"] == "events_000000"
    assert "999999" in run("list")[1]
    assert json.loads(run("restore", "--json")[1]) == {"restored": 1}
    assert await counts(archived) == (35, 0)
    assert json.loads(run("restore", "--json")[1]) == {"restored": 0}
    for command in ("list", "restore"):
        _, told, _ = run(command, "--help")
        assert f"bureau archive {command}" in told
        assert "Exit codes: 0" in told
