"""The cache: never wrong, whatever happens between reading and filling, and worth having."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace

import pytest

from contracts.streams import EntryId, Token
from infrastructure.answer_cache import Answer, AnswerCache, CachePlace, Seen, open_answer_cache
from infrastructure.api_keys import new_api_key, store_api_key
from infrastructure.clock import monotonic_seconds
from infrastructure.local_answers import Roots
from infrastructure.postgres import Pool
from infrastructure.read_queries import FoundTask, RowName
from infrastructure.redis_client import RedisClient
from query_api.dependencies import QueryDependencies
from query_api.services import Question, answer_query
from query_api.wishes import Wish
from tests.polling import poll_until
from tests.private_servers import PrivateValkey
from tests.query.conftest import open_world
from tests.query.world import (
    OTHER_WORKSPACE,
    World,
    add_agent,
    announce,
    id_of,
    move_checkpoint,
    positions_of,
    put_task_detail,
    shard_for,
    tell,
)

TASK = f"/tasks/{id_of('t')}"
TAG = f"task_detail/{id_of('t')}"
SHARD = shard_for("t")
PLACE = CachePlace("tag", "variant")
type Find = Callable[[], Awaitable[FoundTask | None]]
ANYTHING = Wish(None, 0, is_strict=False, applied="")


def _dependencies(world: World) -> QueryDependencies:
    dependencies: QueryDependencies = world.application.state.query_dependencies
    return dependencies


@pytest.fixture(params=["both levels", "the shared level"], autouse=True)
def _levels(request: pytest.FixtureRequest) -> None:
    """Every rule holds for the cache as a whole, and where another process asks first."""
    if request.param == "both levels" or "world" not in request.fixturenames:
        return
    world: World = request.getfixturevalue("world")
    dependencies = _dependencies(world)
    nothing = dependencies.local._replace(version=lambda _: None)
    world.application.state.query_dependencies = replace(dependencies, local=nothing)


def _intercept(world: World, around: Callable[[Find], Awaitable[FoundTask | None]]) -> None:
    """Put something around the find function of task details."""
    dependencies = _dependencies(world)
    found = dependencies.finds.task_detail

    async def find(name: RowName) -> FoundTask | None:
        return await around(lambda: found(name))

    finds = replace(dependencies.finds, task_detail=find)
    world.application.state.query_dependencies = replace(dependencies, finds=finds)


def _count_looks(world: World) -> list[Seen]:
    """Return a list that grows with each look into the cache."""
    dependencies = _dependencies(world)
    looked: list[Seen] = []

    async def look_up(place: CachePlace, projection: str, targets: Mapping[int, EntryId]) -> Seen:
        looked.append(await dependencies.cache.look_up(place, projection, targets))
        return looked[-1]

    cache = AnswerCache(look_up, dependencies.cache.keep)
    world.application.state.query_dependencies = replace(dependencies, cache=cache)
    return looked


async def _generation(world: World, token: str | None = None) -> int:
    answer = await world.get(TASK, headers={"Bureau-Consistency": token} if token else None)
    generation = answer.json()["generation"]
    assert isinstance(generation, int)
    return generation


async def test_what_is_cached_is_answered_without_the_database(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t")
    await move_checkpoint(pool, "task_detail", SHARD, 3)
    first = await world.get(TASK)

    await pool.execute("DELETE FROM read.task_detail")
    again = await world.get(TASK)

    assert again.content == first.content
    for name in ("ETag", "Bureau-Consistency", "Cache-Control", "Content-Type"):
        assert again.headers[name] == first.headers[name]


async def test_lists_and_timelines_are_cached_by_their_parameters(world: World, pool: Pool) -> None:
    await add_agent(pool, "a", status="active")
    await add_agent(pool, "b", status="paused")

    assert len((await world.get("/agents", limit=1)).json()["data"]) == 1
    assert len((await world.get("/agents")).json()["data"]) == 2
    assert [agent["name"] for agent in (await world.get("/agents", status="paused")).json()["data"]] == ["b"]


async def test_another_workspace_is_not_shown_what_is_cached(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t")
    assert await _generation(world) == 1
    other_key = new_api_key()
    await store_api_key(pool, other_key, workspace_id=OTHER_WORKSPACE, name="other")

    assert (await world.get(TASK, headers={"Authorization": f"Bearer {other_key}"})).status_code == 404


async def test_a_forgotten_answer_is_read_again(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t", generation=1)
    assert await _generation(world) == 1

    await put_task_detail(pool, "t", generation=2)
    await tell(world, "task_detail", SHARD, 2, [TAG])

    assert await _generation(world) == 2


async def test_a_forget_between_read_and_fill_leaves_no_stale_entry(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t", generation=1)

    async def overtaken(find: Find) -> FoundTask | None:
        found = await find()
        if found and b'"generation":1,' in found.body:
            await put_task_detail(pool, "t", generation=2)
            await tell(world, "task_detail", SHARD, 2, [TAG])
        return found

    _intercept(world, overtaken)

    assert await _generation(world) == 1  # asked before
    assert await _generation(world) == 2


async def test_a_second_forget_between_read_and_fill_is_noticed_too(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t", generation=1)
    await tell(world, "task_detail", SHARD, 1, [TAG])

    async def overtaken(find: Find) -> FoundTask | None:
        found = await find()
        if found and b'"generation":1,' in found.body:
            await put_task_detail(pool, "t", generation=2)
            await tell(world, "task_detail", SHARD, 2, [TAG])
        return found

    _intercept(world, overtaken)

    assert [await _generation(world), await _generation(world)] == [1, 2]


async def test_between_commit_and_forget_a_token_is_not_served_from_the_cache(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t", generation=1)
    await tell(world, "task_detail", SHARD, 1)
    assert await _generation(world, f"1.{SHARD}:1") == 1

    await put_task_detail(pool, "t", generation=2)
    await move_checkpoint(pool, "task_detail", SHARD, 2)  # the projector dies here

    assert await _generation(world, f"1.{SHARD}:2") == 2


async def test_a_token_is_served_from_the_cache_once_applied_has_passed_it(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t", generation=1)
    await tell(world, "task_detail", SHARD, 5, [TAG])
    assert await _generation(world, f"1.{SHARD}:5") == 1

    await pool.execute("DELETE FROM read.task_detail")
    assert await _generation(world, f"1.{SHARD}:5") == 1
    assert (
        await world.get(TASK, headers={"Bureau-Consistency": f"1.{SHARD}:6", "Prefer": "wait=0"})
    ).status_code == 200


async def test_an_answer_is_forgotten_after_a_minute_whatever_is_filled_beside_it(redis: RedisClient) -> None:
    cache = open_answer_cache(redis)
    await cache.keep(PLACE, Answer(b"{}", '"e"', None), b"")
    await redis.expire("bureau:cache:tag", 7)

    assert await cache.keep(CachePlace("tag", "other"), Answer(b"{}", '"e"', None), b"")

    assert 0 < await redis.ttl("bureau:cache:tag") <= 7


async def test_an_answer_comes_out_of_the_cache_as_it_went_in(redis: RedisClient) -> None:
    cache = open_answer_cache(redis)
    answers = [
        Answer(b'{"text":"\\n\xc3\xa4"}\n\n', '"e"', Token(2, {1: 5, 7: 9}), "cursor"),
        Answer(b"", '"e"', None, None),
    ]

    for answer in answers:
        assert await cache.keep(PLACE, answer, b"")
        assert (await cache.look_up(PLACE, "tasks", {})).answer == answer


async def test_a_tag_holds_only_so_many_answers_and_none_that_is_huge(redis: RedisClient) -> None:
    cache = open_answer_cache(redis)
    answer = Answer(b"{}", '"e"', None)

    kept = [await cache.keep(CachePlace("tag", str(n)), answer, b"") for n in range(210)]

    assert (sum(kept), await redis.hlen("bureau:cache:tag")) == (200, 200)
    assert not await cache.keep(CachePlace("big", "v"), Answer(b"x" * 1_048_577, '"e"', None), b"")


async def test_an_entry_needs_the_epoch_of_its_token_too(redis: RedisClient) -> None:
    cache = open_answer_cache(redis)
    await cache.keep(PLACE, Answer(b"{}", '"e"', None), b"")
    await announce(redis, "tasks", 3, 100)

    assert (await cache.look_up(PLACE, "tasks", {3: EntryId(1, 60)})).answer is not None
    assert (await cache.look_up(PLACE, "tasks", {3: EntryId(2, 60)})).answer is None
    assert (await cache.look_up(PLACE, "tasks", {3: EntryId(1, 60), 4: EntryId(1, 1)})).answer is None


async def test_fifty_misses_at_once_are_one_find(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t")
    calls, go_on = 0, asyncio.Event()

    async def slow(find: Find) -> FoundTask | None:
        nonlocal calls
        calls += 1
        await go_on.wait()
        return await find()

    _intercept(world, slow)
    looked = _count_looks(world)
    asked = [asyncio.create_task(world.get(TASK)) for _ in range(50)]
    await poll_until(lambda: len(looked) == 50, what="fifty misses")
    go_on.set()

    assert {(await answer).status_code for answer in asked} == {200}
    assert (calls, sum(seen.stamp is None for seen in looked)) == (1, 0)
    assert not _dependencies(world).flights


async def test_who_asks_with_a_newer_token_does_not_take_an_older_answer_in_flight(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t", generation=1)
    await move_checkpoint(pool, "task_detail", SHARD, 1)
    was_read, go_on = asyncio.Event(), asyncio.Event()

    async def slow(find: Find) -> FoundTask | None:
        found = await find()
        was_read.set()
        await go_on.wait()
        return found

    _intercept(world, slow)
    older = asyncio.create_task(_generation(world))
    await was_read.wait()
    await put_task_detail(pool, "t", generation=2)
    await tell(world, "task_detail", SHARD, 2, [TAG])
    newer = asyncio.create_task(_generation(world, f"1.{SHARD}:2"))
    go_on.set()

    assert (await older, await newer) == (1, 2)


async def test_whoever_asked_first_may_leave_without_harm_to_the_others(world: World) -> None:
    go_on = asyncio.Event()

    async def find() -> Answer:
        await go_on.wait()
        return Answer(b"{}", '"e"', None)

    question = Question(Roots("tasks", None), PLACE, find, ANYTHING)
    first = asyncio.create_task(answer_query(question, _dependencies(world)))
    while not _dependencies(world).flights:
        await asyncio.sleep(0)
    second = asyncio.create_task(answer_query(question, _dependencies(world)))
    first.cancel()
    go_on.set()

    assert (await second).answer == Answer(b"{}", '"e"', None)


async def test_an_error_reaches_everybody_and_is_not_kept(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t")

    async def broken(find: Find) -> FoundTask | None:
        await find()
        raise ConnectionError

    before = _dependencies(world)
    _intercept(world, broken)
    answers = await asyncio.gather(*(world.get(TASK) for _ in range(3)))
    world.application.state.query_dependencies = before

    assert [answer.json()["error"]["code"] for answer in answers] == ["unavailable"] * 3
    assert await _generation(world) == 1


async def test_absence_is_not_cached(world: World, pool: Pool) -> None:
    assert (await world.get(TASK)).status_code == 404

    await put_task_detail(pool, "t")

    assert (await world.get(TASK)).status_code == 200


@pytest.mark.parametrize("route", [TASK, "/agents", f"/agents/{id_of('a')}"])
async def test_a_client_that_has_the_answer_gets_304(world: World, pool: Pool, route: str) -> None:
    await put_task_detail(pool, "t")
    await add_agent(pool, "a")
    await move_checkpoint(pool, "agents", shard_for("a"), 1)
    await move_checkpoint(pool, "task_detail", SHARD, 1)
    first = await world.get(route)

    again = await world.get(route, headers={"If-None-Match": f'"other", {first.headers["ETag"]}'})

    assert (again.status_code, again.content) == (304, b"")
    for name in ("ETag", "Bureau-Consistency", "Cache-Control", "Vary"):
        assert again.headers[name] == first.headers[name]
    assert (await world.get(route, headers={"If-None-Match": '"other"'})).status_code == 200


async def test_an_etag_changes_with_the_answer(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t", generation=1)
    first = await world.get(TASK)
    await put_task_detail(pool, "t", generation=2)
    await tell(world, "task_detail", SHARD, 2, [TAG])

    again = await world.get(TASK, headers={"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 200
    assert again.headers["ETag"] != first.headers["ETag"]


@pytest.fixture
async def fragile_world(database_url: str, private_valkey: PrivateValkey) -> AsyncIterator[World]:
    async with open_world(database_url, private_valkey.redis_url) as opened:
        yield opened


@pytest.mark.faults
async def test_queries_go_on_while_redis_is_dead_and_use_it_when_it_returns(
    fragile_world: World, private_valkey: PrivateValkey
) -> None:
    world = fragile_world
    await put_task_detail(world.pool, "t", generation=1)
    assert await _generation(world) == 1
    private_valkey.kill()
    await poll_until(lambda: not positions_of(world).is_listening.is_set(), what="the end is noticed")
    await put_task_detail(world.pool, "t", generation=2)

    assert [await _generation(world) for _ in range(5)] == [2] * 5
    assert (await world.client.get("/ready")).status_code == 200

    private_valkey.start()
    await world.redis.flushall()
    async with asyncio.timeout(10):
        while not await _is_filled(world):
            await asyncio.sleep(0.05)


@pytest.mark.faults
async def test_a_redis_that_hangs_costs_one_request_its_patience(
    fragile_world: World, private_valkey: PrivateValkey
) -> None:
    await put_task_detail(fragile_world.pool, "t")
    await _generation(fragile_world)
    os.kill(private_valkey.process_id, signal.SIGSTOP)
    try:
        started = monotonic_seconds()
        generations = [await _generation(fragile_world) for _ in range(20)]
        seconds = monotonic_seconds() - started
    finally:
        os.kill(private_valkey.process_id, signal.SIGCONT)

    assert generations == [1] * 20
    assert seconds < 2.5  # twenty times the patience would be five


async def _is_filled(world: World) -> bool:
    await world.get(TASK)
    return bool(await world.redis.exists(f"bureau:cache:{TAG}"))
