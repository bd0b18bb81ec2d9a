"""Many who ask at the same time: one find, and an answer that is enough for each."""

import asyncio

import pytest

from infrastructure.answer_cache import Answer
from infrastructure.local_answers import Roots
from infrastructure.postgres import Pool
from infrastructure.read_queries import FoundTask
from query_api.services import Question, answer_query
from query_api.wishes import Wish
from tests.polling import poll_until
from tests.query.cached import PLACE, SHARD, TAG, TASK, Find, count_looks, dependencies_of, generation_of, intercept
from tests.query.world import (
    World,
    move_checkpoint,
    put_task_detail,
    tell,
)

pytestmark = pytest.mark.usefixtures("levels")

ANYTHING = Wish(None, 0, is_strict=False, applied="")


async def test_fifty_misses_at_once_are_one_find(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t")
    calls, go_on = 0, asyncio.Event()

    async def slow(find: Find) -> FoundTask | None:
        nonlocal calls
        calls += 1
        await go_on.wait()
        return await find()

    intercept(world, slow)
    looked = count_looks(world)
    asked = [asyncio.create_task(world.get(TASK)) for _ in range(50)]
    await poll_until(lambda: len(looked) == 50, what="fifty misses")
    go_on.set()

    assert {(await answer).status_code for answer in asked} == {200}
    assert calls == 1
    assert not dependencies_of(world).flights


async def test_who_asks_with_a_newer_token_does_not_take_an_older_answer_in_flight(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t", generation=1)
    await move_checkpoint(pool, "task_detail", SHARD, 1)
    was_read, go_on = asyncio.Event(), asyncio.Event()

    async def slow(find: Find) -> FoundTask | None:
        found = await find()
        was_read.set()
        await go_on.wait()
        return found

    intercept(world, slow)
    older = asyncio.create_task(generation_of(world))
    await was_read.wait()
    await put_task_detail(pool, "t", generation=2)
    await tell(world, "task_detail", SHARD, 2, [TAG])
    newer = asyncio.create_task(generation_of(world, f"1.{SHARD}:2"))
    go_on.set()

    assert (await older, await newer) == (1, 2)


async def test_whoever_asked_first_may_leave_without_harm_to_the_others(world: World) -> None:
    go_on = asyncio.Event()

    async def find() -> Answer:
        await go_on.wait()
        return Answer(b"{}", '"e"', None)

    question = Question(Roots("tasks", None), PLACE, find, ANYTHING)
    first = asyncio.create_task(answer_query(question, dependencies_of(world)))
    while not dependencies_of(world).flights:
        await asyncio.sleep(0)
    second = asyncio.create_task(answer_query(question, dependencies_of(world)))
    first.cancel()
    go_on.set()

    assert (await second).answer == Answer(b"{}", '"e"', None)


async def test_an_error_reaches_everybody_and_is_not_kept(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t")

    async def broken(find: Find) -> FoundTask | None:
        await find()
        raise ConnectionError

    before = dependencies_of(world)
    intercept(world, broken)
    answers = await asyncio.gather(*(world.get(TASK) for _ in range(3)))
    world.application.state.query_dependencies = before

    assert [answer.json()["error"]["code"] for answer in answers] == ["unavailable"] * 3
    assert await generation_of(world) == 1
