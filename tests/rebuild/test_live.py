"""Rebuilding under live writes: queries go on, never fail and never go back, and what they read stays the fold."""

import asyncio
from random import Random

from contracts.streams import Token, format_token, parse_token
from infrastructure.event_log import read_heads
from infrastructure.postgres import Pool
from infrastructure.read_versions import read_serving_versions
from projectors.projections.task_detail import TASK_DETAIL
from projectors.projections.tasks import TASKS
from tests.fold import find_unfolded, has_applied_everything
from tests.polling import poll_until
from tests.projectors.conftest import start_projectors
from tests.projectors.stories import write_tasks
from tests.query.conftest import open_world
from tests.query.world import World
from tests.rebuild.rebuilds import run_rebuild
from tests.relay.conftest import start_relay


async def _write_until(stop: asyncio.Event, pool: Pool, randomness: Random) -> int:
    written = 0
    while not stop.is_set():
        written += await write_tasks(pool, randomness, 5)
        await asyncio.sleep(0)
    return written


async def _read_until(stop: asyncio.Event, world: World, pool: Pool) -> int:
    """Ask with the token of what was written last; return how often. Every answer covers it, and all before it."""
    asked, before = 0, Token(1, {})
    while not stop.is_set() or asked < 10:
        heads = await read_heads(pool)
        token = Token(1, {shard: head.position for shard, head in heads.items() if head.position})
        answer = await world.get("/tasks", {"Prefer": "wait=20"}, consistency=format_token(token), limit=5)
        assert answer.status_code == 200, answer.text
        assert "Bureau-Stale" not in answer.headers
        covers = parse_token(answer.headers["Bureau-Consistency"])
        for positions in (token.positions, before.positions):
            assert all(covers.positions[shard] >= position for shard, position in positions.items())
        before = covers
        asked += 1
    return asked


async def test_readers_with_a_token_see_no_switch(
    pool: Pool, database_url: str, redis_url: str, randomness: Random
) -> None:
    stop = asyncio.Event()
    await write_tasks(pool, randomness, 50)
    async with (
        start_relay(database_url, redis_url),
        start_projectors(database_url, redis_url),
        open_world(database_url, redis_url) as world,
    ):
        await poll_until(lambda: has_applied_everything(pool), what="the projectors are there")
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(_write_until(stop, pool, randomness))
            readers = [group.create_task(_read_until(stop, world, pool)) for _ in range(3)]
            for _ in range(3):
                await run_rebuild(pool, TASKS, drops_old=True)
                await run_rebuild(pool, TASK_DETAIL, drops_old=True)
            stop.set()
        assert writing.result() > 100
        assert min(reader.result() for reader in readers) >= 10
        await poll_until(lambda: has_applied_everything(pool), what="the projectors follow the new versions")
    assert (await read_serving_versions(pool))["tasks"] == (await read_serving_versions(pool))["task_detail"] == 4
    assert await find_unfolded(pool) == []
