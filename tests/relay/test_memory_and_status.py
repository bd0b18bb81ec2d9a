"""What people are told: who carries which shard, what waits and why, and that the memory of Redis runs out."""

import asyncio
import random
from dataclasses import replace

import pytest
import structlog
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from bureau.local.relay_sections import read_memory_section, read_relay_section
from bureau.local.section import Section
from contracts.streams import stream_name
from infrastructure.postgres import Pool
from infrastructure.redis_client import open_redis
from infrastructure.redis_memory import RedisMemory, find_memory_dangers
from outbox_relay.board import Board, check_shards
from outbox_relay.main import Wiring, create_dependencies
from outbox_relay.services.watch_memory import watch_memory
from tests.oracle import find_differences, has_caught_up
from tests.polling import poll_until
from tests.private_servers import PrivateValkey
from tests.relay.conftest import RelayStarter, start_relay
from tests.relay.events import append_event, append_many
from tests.roots import root_in

MEBIBYTE = 1 << 20


def states(section: Section) -> set[object]:
    return {row["state"] for row in section.rows}


async def test_without_a_relay_every_shard_is_nobodys_and_its_backlog_is_shown(
    pool: Pool, redis: Redis, randomness: random.Random
) -> None:
    await append_many(pool, 200, randomness)
    section = await read_relay_section(pool, redis)
    assert states(section) == {"nobody's"}
    assert sum(int(row["backlog"] or 0) for row in section.rows) == 200
    assert all((row["oldest_seconds"] is not None) == bool(row["backlog"]) for row in section.rows)
    assert section.problems == ("no relay carries any shard: start one, or look at its log",)


async def test_relays_are_shown_with_their_shards_and_nothing_waits(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    await append_many(pool, 200, randomness)
    async with relay(), relay():
        await poll_until(lambda: has_caught_up(pool, redis))

        async def is_quiet() -> bool:
            section = await read_relay_section(pool, redis)
            backlog = {(row["backlog"], row["oldest_seconds"]) for row in section.rows}
            return (section.title, states(section), backlog) == ("Relays: 2", {"following"}, {(0, None)})

        await poll_until(is_quiet)
        assert (await read_relay_section(pool, redis)).problems == ()


async def test_a_stopped_shard_is_shown_with_its_reason(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    await redis.xadd(stream_name(7), {"event_id": "ghost", "__data__": b"{}"}, id="1-4")
    await append_event(pool, root_in(7, randomness), 1, randomness)
    async with relay():

        async def problems() -> tuple[str, ...]:
            return (await read_relay_section(pool, redis)).problems

        async def is_told() -> bool:
            return any(words.startswith("shard 7 stopped: ") for words in await problems())

        await poll_until(is_told)


async def test_a_relay_that_cannot_get_through_is_unfit_and_says_why_until_it_can(
    pool: Pool, redis: Redis, private_valkey: PrivateValkey, database_url: str
) -> None:
    """Its Redis is gone, whoever looks reaches another one; then nobody does."""

    async def problems(client: Redis) -> tuple[str, ...]:
        return (await read_relay_section(pool, client)).problems

    async def is_told(client: Redis) -> bool:
        return any(" is unfit: redis: ConnectionError: " in words for words in await problems(client))

    async with open_redis(private_valkey.redis_url) as its_own, start_relay(database_url, private_valkey.redis_url):
        await poll_until(lambda: is_fit(pool, its_own))
        await asyncio.to_thread(private_valkey.stop)
        await poll_until(lambda: is_told(redis))
        await poll_until(lambda: is_told(its_own))
        section = await read_relay_section(pool, its_own)
        assert states(section) == {"nobody's"}
        assert {row["backlog"] for row in section.rows} == {None}
        await asyncio.to_thread(private_valkey.start)
        await poll_until(lambda: is_fit(pool, its_own))
    assert await pool.fetchval("SELECT count(*) FROM log.members") == 0


async def is_fit(pool: Pool, redis: Redis) -> bool:
    return (await read_relay_section(pool, redis)).problems == ()


async def test_a_redis_that_is_full_is_told_and_carried_on_when_there_is_room(
    pool: Pool, private_valkey: PrivateValkey, database_url: str, randomness: random.Random
) -> None:
    url = private_valkey.redis_url
    async with open_redis(url) as redis, start_relay(database_url, url) as running:
        used = (await redis.info("memory"))["used_memory"]
        await redis.config_set("maxmemory", used + 4 * MEBIBYTE)
        await append_many(pool, 4000, randomness, size=4000)

        async def is_told() -> bool:
            problems = (await read_relay_section(pool, redis)).problems
            return any("waiting: Redis has reached its memory limit" in words for words in problems)

        await poll_until(is_told, timeout=20)
        assert not running.status.trouble
        with pytest.raises(RuntimeError, match="waiting: Redis has reached its memory limit"):
            await check_shards(running.board)()
        [row] = (await read_memory_section(pool, redis)).rows
        assert float(row["used_mebibytes"] or 0) >= 0.9 * float(row["limit_mebibytes"] or 0) > 0
        await redis.config_set("maxmemory", 0)
        await poll_until(lambda: has_caught_up(pool, redis), timeout=20)
        assert await find_differences(pool, redis) == []


@pytest.mark.parametrize(
    ("memory", "dangers"),
    [
        (RedisMemory(10, 0, "noeviction"), []),
        (RedisMemory(10, 100, "volatile-lru"), []),
        (RedisMemory(91, 100, "noeviction"), ["full"]),
        (RedisMemory(10, 100, "allkeys-lru"), ["evicts"]),
        (RedisMemory(100, 100, "allkeys-random"), ["evicts", "full"]),
    ],
)
def test_dangers_of_memory_are_known(memory: RedisMemory, dangers: list[str]) -> None:
    assert list(find_memory_dangers(memory)) == dangers


async def test_a_policy_that_evicts_streams_is_told_loudly_and_once(pool: Pool, private_valkey: PrivateValkey) -> None:
    async with open_redis(private_valkey.redis_url) as redis:
        await redis.config_set("maxmemory-policy", "allkeys-lru")
        dependencies, stop = create_dependencies(Wiring(pool, redis, Board(), asyncio.Event())), asyncio.Event()
        with structlog.testing.capture_logs() as lines, pytest.MonkeyPatch.context() as patch:
            patch.setattr("outbox_relay.services.watch_memory._EVERY_SECONDS", 0.01)
            watching = asyncio.create_task(watch_memory(dependencies, stop))
            await poll_until(lambda: lines)
            asked = (await redis.info("commandstats"))["cmdstat_info"]["calls"]

            async def has_asked_again() -> bool:
                return bool((await redis.info("commandstats"))["cmdstat_info"]["calls"] > asked + 20)

            await poll_until(has_asked_again)
            stop.set()
            await watching
        assert [line["log_level"] for line in lines] == ["error"]
        section = await read_memory_section(pool, redis)
        assert "evicts streams" in section.notes[0]


async def test_a_look_at_memory_that_is_refused_is_told_once(pool: Pool, redis: Redis) -> None:
    looks = 0

    async def fail() -> dict[str, str]:
        nonlocal looks
        looks += 1
        raise NoPermissionError

    made = create_dependencies(Wiring(pool, redis, Board(), asyncio.Event()))
    dependencies, stop = replace(made, find_memory_dangers=fail), asyncio.Event()
    with structlog.testing.capture_logs() as lines, pytest.MonkeyPatch.context() as patch:
        patch.setattr("outbox_relay.services.watch_memory._EVERY_SECONDS", 0.01)
        watching = asyncio.create_task(watch_memory(dependencies, stop))
        await poll_until(lambda: looks > 5)
        stop.set()
        await watching
    assert [line["log_level"] for line in lines] == ["warning"]
