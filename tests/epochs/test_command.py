"""`bureau epoch` as scripts and people meet it: what it says, asks and refuses, what a kill in the middle leaves."""

import asyncio
import json
import os
import random
import sys
from asyncio.subprocess import PIPE

import pytest
from redis.asyncio import Redis

from contracts.streams import stream_name
from infrastructure.postgres import Pool
from tests.polling import poll_until
from tests.relay.events import append_event
from tests.roots import root_in
from tests.runtime.command_line import bureau

SHARD = 3
pytestmark = [pytest.mark.slow]


@pytest.fixture
def environment(database_url: str, redis_url: str) -> dict[str, str]:
    return {"DATABASE_URL": database_url, "REDIS_URL": redis_url}


@pytest.fixture
async def lost(pool: Pool, redis: Redis, randomness: random.Random) -> None:
    """A stream with two ghosts, and a log with three events that were never published."""
    root = root_in(SHARD, randomness)
    for position in range(1, 3):
        await redis.xadd(stream_name(SHARD), {"event_id": f"ghost {position}", "__data__": b"{}"}, id=f"1-{position}")
    for generation in range(1, 4):
        await append_event(pool, root, generation, randomness)


def test_a_line_that_agrees_needs_no_epoch(environment: dict[str, str]) -> None:
    shown = bureau("epoch", "show", environment=environment)
    assert shown.returncode == 0, shown.stderr
    assert "nothing calls for a new epoch" in shown.stderr


@pytest.mark.usefixtures("lost")
def test_show_says_what_a_bump_would_do_and_changes_nothing(environment: dict[str, str]) -> None:
    for _ in range(2):
        shown = bureau("epoch", "show", environment=environment)
        assert (shown.returncode, "ghosts" in shown.stdout) == (1, True)
        assert "shard 3: the stream holds 2 entries behind position 0, up to 1-2" in shown.stderr
        assert "`bureau epoch bump` begins epoch 2" in shown.stderr
        assert "shard 3: from position 1 on; 2 entries of the stream are ignored" in shown.stderr


@pytest.mark.usefixtures("lost")
async def test_a_bump_that_nobody_can_be_asked_about_is_refused(environment: dict[str, str], pool: Pool) -> None:
    refused = await asyncio.to_thread(bureau, "epoch", "bump", environment=environment)
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    assert await pool.fetchval("SELECT max(epoch) FROM log.epochs") == 1


def test_servers_out_of_reach_are_said_in_one_line(environment: dict[str, str]) -> None:
    unreachable = environment | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    for arguments in (("show",), ("bump", "--yes")):
        failed = bureau("epoch", *arguments, environment=unreachable)
        assert (failed.returncode, "cannot look after the epochs" in failed.stderr) == (1, True)


@pytest.mark.faults
@pytest.mark.usefixtures("lost")
async def test_a_bump_killed_in_the_middle_changes_nothing_and_may_be_repeated(
    environment: dict[str, str], pool: Pool, randomness: random.Random
) -> None:
    command = (sys.executable, "-m", "bureau", "epoch", "bump", "--yes", "--json")
    async with pool.acquire() as connection, connection.transaction():
        # Its last step must wait, however long a busy machine takes to get there.
        await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        await connection.execute("LOCK TABLE log.clusters IN EXCLUSIVE MODE")
        bump = await asyncio.create_subprocess_exec(*command, env=os.environ | environment, stdout=PIPE, stderr=PIPE)
        await poll_until(lambda: is_waiting(pool), timeout=30, what="the bump waits at its end")
        bump.kill()
        await bump.communicate()
        await poll_until(lambda: is_gone(pool), what="nothing is held back any longer")
    assert await pool.fetchval("SELECT max(epoch) FROM log.epochs") == 1
    assert await pool.fetchval("SELECT max(epoch) FROM log.events") == 1
    await append_event(pool, root_in(SHARD, randomness), 1, randomness)
    again = await asyncio.to_thread(bureau, "epoch", "bump", "--yes", "--json", environment=environment)
    assert again.returncode == 0, again.stderr
    assert [shard["unpublished"] for shard in json.loads(again.stdout)["shards"]][SHARD] == 4
    assert await pool.fetchval("SELECT array_agg(DISTINCT epoch) FROM log.events") == [2]


SESSIONS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'bureau epoch'
"""


async def is_waiting(pool: Pool) -> bool:
    waiting = SESSIONS + " AND wait_event_type = 'Lock' AND query LIKE '%INTO log.clusters%'"
    return bool(await pool.fetchval(waiting))


async def is_gone(pool: Pool) -> bool:
    return not await pool.fetchval(SESSIONS)
