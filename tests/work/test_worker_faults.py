"""Workers that are killed, dismissed, and stopped past their lease and continued: every task still ends exactly once.

The full form takes minutes: `make faults`, or BUREAU_FULL_FAULTS=1 in the environment of `pytest tests/work`. A seed
that failed is run again with BUREAU_FAULT_SEED=… in the environment.
"""

import asyncio
import os
from collections import Counter
from datetime import timedelta
from random import Random, SystemRandom

import pytest
from pydantic import SecretStr

from client import AgentPolicy, BureauClient, user_message
from infrastructure.api_keys import new_api_key, store_api_key
from infrastructure.clock import monotonic_seconds
from infrastructure.postgres import Pool, open_pool
from infrastructure.redis_client import open_redis
from infrastructure.settings import Settings
from tests.oracle import find_differences, has_caught_up
from tests.polling import let_pass, poll_until
from tests.work.history import (
    find_overtaken,
    find_wrong_ends,
    find_wrong_writes,
    measure_misses,
    note_leases,
    read_expiries,
    read_histories,
)
from tests.work.processes import LEASE_SECONDS, Crew, open_crew, run_roles

POLICY = {"max_attempts": 100, "retry": {"base_seconds": 0.2, "factor": 1}}
OPEN = "SELECT count(*) FROM write.aggregates WHERE kind = 'task' AND state ->> 'state' IN ('submitted', 'working')"
STARTED = "SELECT true FROM log.events WHERE event_type = 'task.started' LIMIT 1"
MISSED = "SELECT true FROM log.events WHERE event_type = 'task.attempt_failed' LIMIT 1"
SLACK = timedelta(seconds=2)
"""What a machine with too much to do may add to the quarter of a second between two looks of the scheduler."""


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_url),
        redis_url=SecretStr(redis_url),
        secret_key=SecretStr("a secret key of the tests, at least 32 characters"),
    )


async def submit_tasks(client: BureauClient, count: int) -> None:
    """Submit tasks, twenty at a time."""
    numbers = iter(range(count))

    async def submit() -> None:
        for number in numbers:
            await client.submit_task("analyst", user_message(f"task {number}"))

    await asyncio.gather(*(submit() for _ in range(20)))


async def disturb(crew: Crew, random: Random, *, faults: int, pause: float) -> Counter[str]:
    """Kill, dismiss or stop somebody again and again; who was stopped goes on when the lease is over."""
    done, loop = Counter[str](), asyncio.get_running_loop()
    for _ in range(faults):
        await let_pass(random.uniform(0, 2 * pause))
        awake = sorted(crew.workers.keys() - crew.stopped)
        name = random.choice(awake)
        if random.random() < 0.6 or len(awake) <= len(crew.workers) // 2:
            is_kill = not done["killed"] or random.random() < 0.6
            (crew.kill if is_kill else crew.dismiss)(name)
            crew.hire()
            done["killed" if is_kill else "dismissed"] += 1
        else:
            crew.stop(name)
            loop.call_later(LEASE_SECONDS + random.uniform(0.5, 2.5), crew.proceed, name)
            done["stopped"] += 1
    return done


async def have_all_ended(pool: Pool) -> bool:
    return not await pool.fetchval(OPEN)


async def run_faults(
    settings: Settings, *, workers: int, tasks: int, faults: int, pause: float, end_seconds: float
) -> None:
    """Let workers do tasks while they are disturbed, then judge the log."""
    seed = int(os.environ.get("BUREAU_FAULT_SEED", "0")) or SystemRandom().getrandbits(32)
    print(f"BUREAU_FAULT_SEED={seed}")  # noqa: T201 - pytest shows it where the test fails
    pool = await open_pool(settings.database_url.get_secret_value(), size=2, application_name="fault test")
    await note_leases(pool)
    redis = open_redis(settings.redis_url.get_secret_value())
    api_key = new_api_key()
    await store_api_key(pool, api_key, workspace_id="default", name="test")
    with run_roles(settings, "command-api", "relay") as roles:
        url = roles["command-api"].url
        async with BureauClient(url, api_key=api_key) as client:
            await client.register_agent("analyst", policy=AgentPolicy.model_validate(POLICY))
            with open_crew(url, api_key, workers) as crew:
                started = monotonic_seconds()
                submitting = asyncio.create_task(submit_tasks(client, tasks))
                # The first lease is there: everybody is about to work.
                await poll_until(lambda: pool.fetchval(STARTED), timeout=60)
                random = Random(seed)
                done = await disturb(crew, random, faults=faults, pause=pause)
                while not await pool.fetchval(MISSED) and not await have_all_ended(pool):
                    done += await disturb(crew, random, faults=1, pause=pause)  # so far only who had nothing
                await submitting
                await poll_until(lambda: have_all_ended(pool), timeout=end_seconds, what="every task has ended")
                seconds = monotonic_seconds() - started
            await poll_until(lambda: has_caught_up(pool, redis), timeout=60)
    histories = await read_histories(pool)
    attempts = Counter(sum(event["type"].endswith("started") for event in history) for history in histories.values())
    misses = measure_misses(histories, await read_expiries(pool))
    assert done["killed"], "a run without a fault shows nothing"
    assert misses, "no worker was disturbed while it had a task"
    words = f"{tasks} tasks in {seconds:.1f} s, {dict(done)}, tasks by attempts {dict(sorted(attempts.items()))}"
    print(f"{words}, missed at the latest {misses[-1].total_seconds():.2f} s after the lease")  # noqa: T201 - the same
    assert len(histories) == tasks
    assert find_wrong_ends(histories) == []
    assert find_wrong_writes(histories) == []
    assert timedelta(0) <= misses[0]
    assert misses[-1] <= SLACK
    assert find_overtaken(histories, SLACK) == []
    assert await find_differences(pool, redis) == []
    await redis.aclose()
    await pool.close()


@pytest.mark.faults
async def test_every_task_ends_once_whoever_is_killed_or_stopped(settings: Settings) -> None:
    await run_faults(settings, workers=5, tasks=150, faults=8, pause=0.35, end_seconds=60)


@pytest.mark.faults
@pytest.mark.slow
@pytest.mark.skipif("BUREAU_FULL_FAULTS" not in os.environ, reason="minutes; set BUREAU_FULL_FAULTS=1")
async def test_two_thousand_tasks_end_once_among_twenty_workers(settings: Settings) -> None:
    await run_faults(settings, workers=20, tasks=2000, faults=60, pause=0.5, end_seconds=300)
