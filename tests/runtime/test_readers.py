"""`bureau readers` against real servers: registering, listing and removing, and what status says of readers."""

import asyncio
import json
import subprocess

import pytest
from redis import Redis

from bureau.local.upkeep_sections import read_readers_section, read_streams_section, read_upkeep_section
from contracts.streams import stream_name
from infrastructure.postgres import Pool, open_pool
from infrastructure.redis_client import RedisClient, open_redis
from infrastructure.stream_trimming import Retention
from infrastructure.upkeep import record_run
from outbox_relay.board import Board
from outbox_relay.main import Wiring, share_log
from tests.polling import poll_until
from tests.runtime.command_line import bureau
from tests.servers import TEST_SHARDS


def readers(database_url: str, redis_url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    return bureau("readers", *arguments, "--directory", "/nonexistent", environment=environment)


def groups(redis_url: str) -> list[str]:
    with Redis.from_url(redis_url, decode_responses=True) as redis:
        streams = [stream_name(shard) for shard in range(TEST_SHARDS) if redis.exists(stream_name(shard))]
        return [group["name"] for stream in streams for group in redis.xinfo_groups(stream)]


def test_a_reader_is_registered_with_its_groups_listed_and_removed(database_url: str, redis_url: str) -> None:
    made = readers(database_url, redis_url, "register", "index", "--json")
    assert json.loads(made.stdout) == {"reader": "index", "is_new": True, "groups_made": TEST_SHARDS}, made.stderr
    again = readers(database_url, redis_url, "register", "index", "--from-now", "--json")
    assert json.loads(again.stdout) == {"reader": "index", "is_new": False, "groups_made": 0}
    (listed,) = json.loads(readers(database_url, redis_url, "list", "--json").stdout)["readers"]
    assert (listed["reader"], listed["lag"], listed["missed"], len(listed["shards"])) == ("index", 0, 0, TEST_SHARDS)
    assert "index" in readers(database_url, redis_url, "list").stdout
    assert readers(database_url, redis_url, "remove", "index").returncode == 0
    assert groups(redis_url) == ["index"] * TEST_SHARDS
    assert json.loads(readers(database_url, redis_url, "list", "--json").stdout) == {"readers": []}


def test_a_reader_is_removed_with_its_groups_and_one_that_is_not_there_is_refused(
    database_url: str, redis_url: str
) -> None:
    readers(database_url, redis_url, "register", "index")
    assert readers(database_url, redis_url, "remove", "index", "--with-group").returncode == 0
    assert groups(redis_url) == []
    refused = readers(database_url, redis_url, "remove", "index")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert "bureau readers list" in refused.stderr
    assert readers(database_url, redis_url, "register", " ").returncode == 1


@pytest.mark.parametrize("command", ["list", "register", "remove"])
def test_each_command_of_readers_has_examples_and_exit_codes(command: str) -> None:
    told = bureau("readers", command, "--help")
    assert told.returncode == 0
    assert f"bureau readers {command}" in told.stdout
    assert "Exit codes: 0" in told.stdout


async def test_a_reader_is_late_by_the_limit_that_the_relay_has(database_url: str, redis_url: str) -> None:
    """Whoever asks for the status may have another one in the environment, or none."""
    readers(database_url, redis_url, "register", "index")
    pool = await open_pool(database_url, size=1, application_name="status test")
    redis = open_redis(redis_url)
    stop = asyncio.Event()
    wiring = Wiring(pool, redis, Board(), asyncio.Event(), Retention(limit=50_000))
    relay = asyncio.create_task(share_log(wiring, stop))
    try:
        await pool.execute("UPDATE log.floors SET position = 45000 WHERE shard = 5")
        (late,) = await poll_until(lambda: _problems(pool, redis))
        assert late.startswith("reader index is 45000 events behind on shard 5, of 50000 that are kept")
    finally:
        stop.set()
        wiring.wake.set()
        await relay
        await redis.aclose()
        await pool.close()


async def _problems(pool: Pool, redis: RedisClient) -> tuple[str, ...]:
    return (await read_readers_section(pool, redis)).problems


async def test_status_tells_of_streams_readers_and_upkeep(database_url: str, redis_url: str) -> None:
    readers(database_url, redis_url, "register", "index")
    pool = await open_pool(database_url, size=1, application_name="status test")
    redis = open_redis(redis_url)
    try:
        await record_run(pool, "receipts", 7, "")
        upkeep = await read_upkeep_section(pool, redis)
        (run,) = upkeep.rows
        assert (run["job"], run["did"], run["altogether"]) == ("receipts", 7, 7)
        assert upkeep.notes == ()
        await record_run(pool, "log restoring", 1, "")
        await pool.execute("UPDATE log.upkeep SET ran_at = ran_at - interval '11 minutes'")
        upkeep = await read_upkeep_section(pool, redis)
        assert upkeep.notes == ("receipts ran last 11 minutes ago: see the log of the command API",)
        (streams,) = (await read_streams_section(pool, redis)).rows
        assert streams == {"streams": 0, "entries": 0, "longest": 0, "trimmed": 0}
        assert (await read_readers_section(pool, redis)).problems == ()
        await pool.execute("UPDATE log.readers SET missed = 3 WHERE shard = 2")
        await pool.execute("UPDATE log.floors SET position = 900000 WHERE shard = 5")
        section = await read_readers_section(pool, redis)
        assert [row["missed"] for row in section.rows] == [3]
        late, missed = section.problems
        assert late.startswith("reader index is 900000 events behind on shard 5, of 1000000 that are kept")
        assert missed.startswith("reader index was too far behind: 3 events")
    finally:
        await redis.aclose()
        await pool.close()
