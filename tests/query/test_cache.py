"""The cache as clients see it: never wrong, whatever happens between reading and filling; 304 where nothing changed."""

import pytest

from infrastructure.api_keys import new_api_key, store_api_key
from infrastructure.postgres import Pool
from infrastructure.read_queries import FoundTask
from tests.query.cached import SHARD, TAG, TASK, Find, generation_of, intercept
from tests.query.world import (
    OTHER_WORKSPACE,
    World,
    add_agent,
    add_task,
    add_timeline,
    id_of,
    move_checkpoint,
    put_task_detail,
    shard_for,
    tell,
)

pytestmark = pytest.mark.usefixtures("levels")


async def test_what_is_cached_is_answered_without_the_database(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t")
    await move_checkpoint(pool, "task_detail", SHARD, 3)
    first = await world.get(TASK)

    await pool.execute("DELETE FROM read.task_detail")
    again = await world.get(TASK)

    assert again.content == first.content
    for name in ("ETag", "Bureau-Consistency", "Cache-Control", "Content-Type"):
        assert again.headers[name] == first.headers[name]


@pytest.mark.parametrize(
    ("route", "parameters"),
    [
        ("/agents", {"status": "paused"}),
        ("/tasks", {"state": "working"}),
        (f"{TASK}/timeline", {"limit": 2}),
    ],
    ids=["agents", "tasks", "timeline"],
)
async def test_lists_and_timelines_are_cached_by_their_parameters(
    world: World, pool: Pool, route: str, parameters: dict[str, str | int]
) -> None:
    for name, status, state in (("a", "active", "submitted"), ("b", "paused", "working"), ("c", "active", "working")):
        await add_agent(pool, name, status=status)
        await add_task(pool, name, state=state)
    await put_task_detail(pool, "t")
    await add_timeline(pool, "t", [1, 2, 3])
    questions: list[dict[str, str | int]] = [{}, {"limit": 1}, parameters]
    answers = [(await world.find(route, question)).content for question in questions]
    assert len(set(answers)) == 3

    await pool.execute("TRUNCATE read.agent_list, read.task_list, read.task_timeline")

    assert [(await world.find(route, question)).content for question in questions] == answers
    assert not (await world.get(route, limit=77)).json().get("data")  # of other parameters nothing was kept


async def test_another_workspace_is_not_shown_what_is_cached(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t")
    assert await generation_of(world) == 1
    other_key = new_api_key()
    await store_api_key(pool, other_key, workspace_id=OTHER_WORKSPACE, name="other")

    assert (await world.get(TASK, headers={"Authorization": f"Bearer {other_key}"})).status_code == 404


async def test_a_forgotten_answer_is_read_again(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t", generation=1)
    assert await generation_of(world) == 1

    await put_task_detail(pool, "t", generation=2)
    await tell(world, "task_detail", SHARD, 2, [TAG])

    assert await generation_of(world) == 2


async def test_a_forget_between_read_and_fill_leaves_no_stale_entry(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t", generation=1)

    async def overtaken(find: Find) -> FoundTask | None:
        found = await find()
        if found and b'"generation":1,' in found.body:
            await put_task_detail(pool, "t", generation=2)
            await tell(world, "task_detail", SHARD, 2, [TAG])
        return found

    intercept(world, overtaken)

    assert await generation_of(world) == 1  # asked before
    assert await generation_of(world) == 2


async def test_a_second_forget_between_read_and_fill_is_noticed_too(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t", generation=1)
    await tell(world, "task_detail", SHARD, 1, [TAG])

    async def overtaken(find: Find) -> FoundTask | None:
        found = await find()
        if found and b'"generation":1,' in found.body:
            await put_task_detail(pool, "t", generation=2)
            await tell(world, "task_detail", SHARD, 2, [TAG])
        return found

    intercept(world, overtaken)

    assert [await generation_of(world), await generation_of(world)] == [1, 2]


async def test_between_commit_and_forget_a_token_is_not_served_from_the_cache(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t", generation=1)
    await tell(world, "task_detail", SHARD, 1)
    assert await generation_of(world, f"1.{SHARD}:1") == 1

    await put_task_detail(pool, "t", generation=2)
    await move_checkpoint(pool, "task_detail", SHARD, 2)  # the projector dies here

    assert await generation_of(world, f"1.{SHARD}:2") == 2


async def test_a_token_is_served_from_the_cache_once_applied_has_passed_it(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t", generation=1)
    await tell(world, "task_detail", SHARD, 5, [TAG])
    assert await generation_of(world, f"1.{SHARD}:5") == 1

    await pool.execute("DELETE FROM read.task_detail")
    assert await generation_of(world, f"1.{SHARD}:5") == 1
    assert (
        await world.get(TASK, headers={"Bureau-Consistency": f"1.{SHARD}:6", "Prefer": "wait=0"})
    ).status_code == 200


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
