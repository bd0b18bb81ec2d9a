"""Streams that a stranger damaged are filled anew; trimmed ones are left alone, and groups keep their place."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import pytest
import structlog
from redis.asyncio import Redis

from contracts.streams import EntryId, stream_name
from infrastructure.postgres import Pool
from infrastructure.stream_repair import Damage, clear_stream, find_damage, judge_shape
from infrastructure.stream_shapes import StreamShape, read_shapes
from outbox_relay.board import Board
from outbox_relay.main import Wiring, create_dependencies
from outbox_relay.services.follow_log import follow_log
from outbox_relay.services.mend_streams import mend_streams
from tests.oracle import find_differences, has_caught_up, read_entries
from tests.polling import poll_until
from tests.relay.events import append_event, append_many
from tests.roots import root_in

SHARD = 3
STREAM = stream_name(SHARD)

type Harm = Callable[[Redis], Awaitable[object]]


def shape(last_id: str, length: int, first: str = "", last: str = "") -> StreamShape:
    def entry(text: str) -> EntryId | None:
        return EntryId(*map(int, text.split("-"))) if text else None

    return StreamShape(entry(last_id) or EntryId(0, 0), length, entry(first), entry(last))


@pytest.mark.parametrize(
    ("seen", "floor", "words"),
    [
        (shape("0-0", 0), 0, ""),
        (shape("1-6", 6, "1-1", "1-6"), 0, ""),
        (shape("1-6", 2, "1-5", "1-6"), 4, ""),
        (shape("1-6", 4, "1-3", "1-6"), 4, ""),
        (shape("1-6", 0), 6, ""),
        (shape("2-6", 9, "1-1", "2-6"), 0, ""),
        (shape("1-6", 0), 4, "every entry after 4 is missing"),
        (shape("1-6", 2, "1-5", "1-6"), 3, "entries after 3 and before 1-5 are missing"),
        (shape("1-6", 4, "1-1", "1-4"), 0, "entries after 1-4 were deleted"),
        (shape("1-6", 5, "1-1", "1-6"), 0, "1 entries between 1-1 and 1-6 are missing"),
    ],
)
def test_what_is_missing_above_the_floor_is_damage(seen: StreamShape, floor: int, words: str) -> None:
    assert judge_shape(seen, floor) == words


@asynccontextmanager
async def mending_relay(pool: Pool, redis: Redis) -> AsyncIterator[list[dict[str, Any]]]:
    """Carry and mend as the process does; yields what is logged."""
    stop, wake = asyncio.Event(), asyncio.Event()
    dependencies = create_dependencies(Wiring(pool, redis, Board(), wake))
    with structlog.testing.capture_logs() as lines:
        tasks = [asyncio.create_task(work(dependencies, stop)) for work in (follow_log, mend_streams)]
        yield cast("list[dict[str, Any]]", lines)
        stop.set()
        wake.set()
        await asyncio.gather(*tasks)


async def caught_up(pool: Pool, redis: Redis) -> None:
    await poll_until(lambda: has_caught_up(pool, redis), timeout=20)


async def is_whole(pool: Pool, redis: Redis) -> bool:
    return not await find_differences(pool, redis)


HARMS: dict[str, Harm] = {
    "deleted at the end": lambda redis: redis.xdel(STREAM, "1-29", "1-30"),
    "deleted between": lambda redis: redis.xdel(STREAM, "1-7", "1-8", "1-19"),
    "deleted at the beginning": lambda redis: redis.xdel(STREAM, "1-1"),
    "trimmed by a stranger": lambda redis: redis.xtrim(STREAM, maxlen=3, approximate=False),
    "trimmed to nothing": lambda redis: redis.xtrim(STREAM, maxlen=0, approximate=False),
    "deleted as a whole": lambda redis: redis.delete(STREAM),
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS.keys())
async def test_what_a_stranger_took_away_comes_back(
    pool: Pool, redis: Redis, randomness: random.Random, harm: Harm
) -> None:
    root = root_in(SHARD, randomness)
    for generation in range(1, 31):
        await append_event(pool, root, generation, randomness)
    async with mending_relay(pool, redis) as lines:
        await caught_up(pool, redis)
        await harm(redis)
        await poll_until(lambda: is_whole(pool, redis), timeout=20)
        await append_event(pool, root, 31, randomness)
        await caught_up(pool, redis)
    assert await find_differences(pool, redis) == []
    assert sum("filling it anew" in line["event"] for line in lines) <= 1


async def test_what_was_trimmed_by_us_stays_away_and_what_a_stranger_trimmed_further_comes_back_after_it(
    pool: Pool, redis: Redis, randomness: random.Random
) -> None:
    root = root_in(SHARD, randomness)
    for generation in range(1, 31):
        await append_event(pool, root, generation, randomness)
    async with mending_relay(pool, redis) as lines:
        await caught_up(pool, redis)
        await pool.execute(
            "UPDATE log.stream_floors f SET position = e.position, event_id = e.event_id FROM log.events e"
            " WHERE f.shard = $1 AND e.shard = $1 AND e.position = 10",
            SHARD,
        )
        await redis.xtrim(STREAM, minid="1-11", approximate=False)
        assert await find_damage(pool, redis, [SHARD]) == []
        await redis.xtrim(STREAM, minid="1-20", approximate=False)

        async def is_back() -> bool:
            return [entry_id for entry_id, _ in await read_entries(redis, SHARD)] == [
                f"1-{n}".encode() for n in range(11, 31)
            ]

        await poll_until(is_back, timeout=20)
    [line] = [line for line in lines if "filling it anew" in line["event"]]
    assert line["damage"] == "entries after 10 and before 1-20 are missing"


async def test_a_consumer_group_goes_on_before_its_oldest_entry_that_was_not_acknowledged(
    pool: Pool, redis: Redis, randomness: random.Random
) -> None:
    root = root_in(SHARD, randomness)
    for generation in range(1, 11):
        await append_event(pool, root, generation, randomness)
    async with mending_relay(pool, redis):
        await caught_up(pool, redis)
        for group, count in {"busy": 6, "done": 8, "new": 0}.items():
            await redis.xgroup_create(STREAM, group, id="0")
            if count:
                await redis.xreadgroup(group, "one", {STREAM: ">"}, count=count)
        await redis.xack(STREAM, "busy", "1-1", "1-2", "1-3", "1-5")
        await redis.xack(STREAM, "done", *(f"1-{n}" for n in range(1, 9)))
        await redis.xdel(STREAM, "1-9", "1-10")
        await poll_until(lambda: is_whole(pool, redis), timeout=20)
    assert [await _rest(redis, group) for group in ("busy", "done", "new")] == [
        [f"1-{n}" for n in range(first, 11)] for first in (4, 9, 1)
    ]


async def _rest(redis: Redis, group: str) -> list[str]:
    """Return the ids that the group gets from now on."""
    answer: Any = await redis.xreadgroup(group, "two", {STREAM: ">"}, count=100)
    [entries] = [batches[0] for batches in answer.values()] if isinstance(answer, dict) else [answer[0][1]]
    return [entry_id.decode() for entry_id, _ in entries]


async def test_a_stream_that_changed_since_it_was_looked_at_is_not_emptied(
    pool: Pool, redis: Redis, randomness: random.Random
) -> None:
    await append_many(pool, 100, randomness)
    async with mending_relay(pool, redis):
        await caught_up(pool, redis)
    before = (await read_shapes(redis, [SHARD]))[SHARD]
    await redis.xtrim(STREAM, maxlen=1, approximate=False)
    assert not await clear_stream(redis, SHARD, before)
    assert await clear_stream(redis, SHARD, (await read_shapes(redis, [SHARD]))[SHARD])
    assert not await redis.exists(STREAM)


async def test_a_stream_whose_end_the_log_does_not_hold_is_told_and_left_alone(
    pool: Pool, redis: Redis, randomness: random.Random
) -> None:
    await append_event(pool, root_in(SHARD, randomness), 1, randomness)
    await redis.xadd(STREAM, {"event_id": "lost", "__data__": b"{}"}, id="1-7")
    async with mending_relay(pool, redis) as lines:
        await poll_until(lambda: any("the log lacks" in line["event"] for line in lines))
        assert [entry_id for entry_id, _ in await read_entries(redis, SHARD)] == [b"1-7"]


async def test_a_look_that_fails_for_a_reason_of_its_own_is_told_once_and_one_that_reaches_nobody_is_not(
    pool: Pool, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outbox_relay.services.mend_streams._EVERY_SECONDS", 0.01)
    failures: list[Exception] = [ConnectionError("nobody is there"), TypeError("a mistake of ours")]
    looks = 0

    async def fail(_shards: object) -> list[Damage]:
        nonlocal looks
        looks += 1
        raise failures[looks > 20]

    stop = asyncio.Event()
    dependencies = replace(create_dependencies(Wiring(pool, redis, Board(), asyncio.Event())), find_damage=fail)
    with structlog.testing.capture_logs() as lines:
        mending = asyncio.create_task(mend_streams(dependencies, stop))
        await poll_until(lambda: looks > 40)
        stop.set()
        await mending
    assert [(line["log_level"], line["error"]) for line in lines] == [("warning", "TypeError: a mistake of ours")]
