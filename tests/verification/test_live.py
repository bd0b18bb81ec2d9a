"""Verification beside a service that works: commands commit, relay and projectors carry on, and nothing differs."""

import asyncio
from random import Random

import pytest
from redis.asyncio import Redis

from bureau.verification import Report, Scope, verify
from infrastructure.identifiers import new_id
from infrastructure.postgres import Pool
from tests.projectors.conftest import start_projectors
from tests.relay.conftest import start_relay
from tests.write_path.agents import register_agents, update_agents


async def _write_commands(pool: Pool, name: str, stop: asyncio.Event, randomness: Random) -> int:
    """Register agents and change them, several in one command, until told to stop; return how many commands."""
    agents = [new_id() for _ in range(6)]
    await register_agents(pool, f"{name}-first", agents)
    number = 1
    while not stop.is_set():
        await update_agents(pool, f"{name}-{number}", randomness.sample(agents, randomness.randint(1, 4)))
        number += 1
    return number


@pytest.mark.parametrize("is_deep", [True, False])
@pytest.mark.usefixtures("line")
async def test_a_service_at_work_agrees_at_every_moment(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, is_deep: bool
) -> None:
    stop = asyncio.Event()
    async with start_relay(database_url, redis_url), start_projectors(database_url, redis_url):
        writers = [asyncio.create_task(_write_commands(pool, f"w{n}", stop, Random(n))) for n in range(3)]
        reports: list[Report] = []
        while len(reports) < 4 or reports[-1].receipts - reports[0].receipts < 150:
            reports.append(await verify(pool, redis, Scope(is_deep=is_deep)))
            assert reports[-1].differences == ()
        stop.set()
        assert sum(await asyncio.gather(*writers)) > 150
