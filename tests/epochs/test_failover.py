"""A standby that is promoted: nothing lost, the line goes on by itself; something lost, it waits for a bump."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from bureau.embedded import PostgresConfig, find_free_port, start_postgres
from contracts.streams import EntryId
from infrastructure.line_positions import read_stream_heads
from tests.epochs.running import agrees, at_rest, connected, run_epoch, running_line, write
from tests.polling import let_pass, poll_until
from tests.private_servers import PrivatePostgres
from tests.servers import TEST_SHARDS

pytestmark = [pytest.mark.faults, pytest.mark.slow]


@dataclass(frozen=True, slots=True)
class Pair:
    """A primary and a standby that follows it, and one address that reaches whichever of them is there."""

    primary: PrivatePostgres
    standby: PrivatePostgres

    @property
    def database_url(self) -> str:
        place = urlsplit(self.primary.database_url)
        other = urlsplit(self.standby.database_url)
        return self.primary.database_url.replace(
            f"{place.hostname}:{place.port}", f"{place.hostname}:{place.port},{other.hostname}:{other.port}"
        )

    async def wait_until_copied(self) -> None:
        """Wait until the standby has everything that the primary has."""
        async with connected(self.primary.database_url) as pool:
            written = await pool.fetchval("SELECT pg_current_wal_flush_lsn()::text")
        async with connected(self.standby.database_url) as pool:
            replayed = "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn"
            await poll_until(lambda: pool.fetchval(replayed, written), timeout=30, what="the standby has all of it")

    async def promote(self) -> None:
        async with connected(self.standby.database_url) as pool:
            assert await pool.fetchval("SELECT pg_promote()")


@pytest.fixture
async def pair(private_postgres: PrivatePostgres, server_directory: Path) -> AsyncIterator[Pair]:
    primary, home = private_postgres.running[0].config, server_directory / "standby"
    password = (primary.home / "password").read_text(encoding="utf-8").strip()
    private_postgres.stop()
    shutil.copytree(primary.home, home, symlinks=True)
    (home / "data" / "standby.signal").touch()
    private_postgres.start()
    source = f"host=127.0.0.1 port={primary.port} user=bureau password={password}"
    config = PostgresConfig(home, port=find_free_port(), is_fast=True, settings=(("primary_conninfo", source),))
    standby = PrivatePostgres([await asyncio.to_thread(start_postgres, config)])
    yield Pair(private_postgres, standby)
    standby.kill()


async def test_a_promoted_standby_that_lost_nothing_is_followed_in_the_same_epoch(
    pair: Pair, redis: Redis, redis_url: str, randomness: Random
) -> None:
    async with running_line(pair.database_url, redis_url) as relay:
        await write(pair.database_url, randomness, 40)
        await at_rest(pair.database_url, redis)
        await pair.wait_until_copied()
        await asyncio.to_thread(pair.primary.kill)
        await poll_until(lambda: "StandbyError" in relay.status.trouble, timeout=30, what="no standby is followed")
        await pair.promote()
        await write(pair.standby.database_url, randomness, 30)
        await at_rest(pair.standby.database_url, redis)
        await agrees(pair.standby.database_url, redis)
        assert not relay.status.trouble
    async with connected(pair.standby.database_url) as pool:
        recorded = await pool.fetch("SELECT epoch, timeline, reason FROM log.clusters ORDER BY recorded_at")
    assert [tuple(row) for row in recorded] == [(1, 1, "first seen"), (1, 2, "every stream's end is in the log")]


async def test_a_promoted_standby_that_lacks_what_was_published_waits_for_a_bump(
    pair: Pair, redis: Redis, redis_url: str, randomness: Random
) -> None:
    async with running_line(pair.database_url, redis_url) as relay:
        await write(pair.database_url, randomness, 40)
        await at_rest(pair.database_url, redis)
        await pair.wait_until_copied()
        await asyncio.to_thread(pair.standby.stop)
        await write(pair.database_url, randomness, 30)
        await at_rest(pair.database_url, redis)
        await asyncio.to_thread(pair.primary.kill)
        await asyncio.to_thread(pair.standby.start)
        await pair.promote()
        published = await read_stream_heads(redis, range(TEST_SHARDS))
        await write(pair.standby.database_url, randomness, 30)
        await poll_until(lambda: "ClusterChangedError" in relay.status.trouble, timeout=30, what="the relay waits")
        await stays_as_it_is(redis, published)

        shown = run_epoch(pair.standby.database_url, redis_url, "show")
        assert (shown.code, shown.data["next_epoch"]) == (1, 2)
        assert "the database was recorded on system" in shown.words
        done = run_epoch(pair.standby.database_url, redis_url, "bump", "--yes")
        assert done.code == 0, done.words
        await at_rest(pair.standby.database_url, redis)
        await agrees(pair.standby.database_url, redis)
        assert not relay.status.trouble


async def stays_as_it_is(redis: Redis, published: dict[int, EntryId]) -> None:
    """Look for longer than the relay waits between two attempts: nothing comes onto any stream."""
    for _ in range(15):
        await let_pass(0.1)
        assert await read_stream_heads(redis, range(TEST_SHARDS)) == published
