"""Everything at once, from a seed: `make faults` for minutes, `make test` for some seconds.

BUREAU_FAULT_SEED=… runs a seed again; BUREAU_FAULT_EVENTS=…, BUREAU_FAULT_KILLS=… and BUREAU_FAULT_MINUTES=… say how
long the full form goes on (100,000 events and 300 kills, at most 20 minutes), BUREAU_FAULT_PAUSE=… how many seconds a
writer rests after each command (0.02).
"""

import os
from pathlib import Path
from random import Random, SystemRandom
from typing import NamedTuple

import pytest

from infrastructure.postgres import open_pool
from infrastructure.redis_client import open_redis
from tests.faults.crew import open_crew
from tests.faults.storm import rage, settle
from tests.faults.strikes import Storm
from tests.private_servers import PrivatePostgres, PrivateValkey
from tests.write_path.history import find_faults


class Aim(NamedTuple):
    """How much has to happen, and in how many seconds at most; `is_full` with backups put back and rebuilds."""

    kills: int
    events: int
    seconds: float
    is_full: bool = False


async def run_storm(postgres: PrivatePostgres, valkey: PrivateValkey, directory: Path, aim: Aim) -> None:
    seed = int(os.environ.get("BUREAU_FAULT_SEED", "0")) or SystemRandom().getrandbits(32)
    print(f"BUREAU_FAULT_SEED={seed}")  # noqa: T201 - pytest shows it where the test fails
    randomness = Random(seed)
    log = directory / "processes.log"
    pause = os.environ.get("BUREAU_FAULT_PAUSE", "0.02")
    environment = {"DATABASE_URL": postgres.database_url, "REDIS_URL": valkey.redis_url, "WRITER_PAUSE": pause}
    pool = await open_pool(postgres.database_url, size=4, application_name="storm")
    async with open_redis(valkey.redis_url, socket_timeout=30) as redis:
        with open_crew(environment, log, randomness) as crew:
            storm = Storm(crew, postgres, valkey, pool, redis, randomness, directory, aim.is_full)
            reports = await rage(storm, kills=aim.kills, events=aim.events, most_seconds=aim.seconds)
            assert crew.broken == [], log.read_text(encoding="utf-8", errors="replace")[-5000:]
            assert [report.differences for report in reports if report.differences] == []
            final = await settle(storm)
            print(f"{final.events} events, {crew.kills} kills: {dict(crew.struck)}, {dict(storm.done)}")  # noqa: T201 - the same
    assert final.differences == ()
    assert await find_faults(pool) == []
    assert crew.kills
    assert final.events > 200
    await pool.close()


@pytest.mark.faults
async def test_a_short_storm_leaves_every_event_once_in_order_and_projected(
    private_postgres: PrivatePostgres, private_valkey: PrivateValkey, server_directory: Path
) -> None:
    await run_storm(private_postgres, private_valkey, server_directory, Aim(kills=8, events=300, seconds=10))


@pytest.mark.faults
@pytest.mark.slow
@pytest.mark.skipif("BUREAU_FULL_FAULTS" not in os.environ, reason="minutes; set BUREAU_FULL_FAULTS=1")
async def test_a_long_storm_leaves_every_event_once_in_order_and_projected(
    private_postgres: PrivatePostgres, private_valkey: PrivateValkey, server_directory: Path
) -> None:
    kills = int(os.environ.get("BUREAU_FAULT_KILLS", "300"))
    events = int(os.environ.get("BUREAU_FAULT_EVENTS", "100000"))
    seconds = 60 * float(os.environ.get("BUREAU_FAULT_MINUTES", "20"))
    await run_storm(private_postgres, private_valkey, server_directory, Aim(kills, events, seconds, is_full=True))
