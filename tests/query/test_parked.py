"""Answers that dead letters touch: they say stale, with the reason, and never claim to cover what waits."""

from dataclasses import replace
from functools import partial
from random import Random
from uuid import UUID

from httpx2 import Response

from contracts.streams import shard_of
from infrastructure.dead_letters import WantedAction, add_request
from infrastructure.identifiers import new_id
from tests.fold import has_applied_everything
from tests.polling import poll_until
from tests.projectors.faulty import Fault, start_broken_projectors
from tests.projectors.poison import has_no_letters, letters_of, long_story
from tests.projectors.stories import Written, write
from tests.query.world import OTHER_WORKSPACE, WORKSPACE, World
from tests.servers import TEST_SHARDS

SHARD = 5


def story_in(randomness: Random, workspace: str = WORKSPACE) -> list[Written]:
    return [replace(written, workspace_id=workspace) for written in long_story(randomness, SHARD, 6)]


def staleness(answer: Response) -> tuple[int, str | None]:
    return answer.status_code, answer.headers.get("Bureau-Stale-Reason")


async def token(world: World, root: UUID) -> str:
    """Return a token of all that happened in the shard of a root."""
    shard = shard_of(root, TEST_SHARDS)
    position = await world.pool.fetchval("SELECT position FROM log.head_of($1)", shard)
    return f"1.{shard}:{position}"


async def test_whatever_touches_a_parked_root_is_stale_until_it_is_released(
    world: World, database_url: str, redis_url: str
) -> None:
    randomness, fault = Random(20261122), Fault()
    bad, good, elsewhere = story_in(randomness), story_in(randomness), story_in(randomness, OTHER_WORKSPACE)
    fault.event_ids.update(story[4].event_id for story in (bad, elsewhere))
    one, other, usage = f"/tasks/{bad[0].root}", f"/tasks/{good[0].root}", "/usage"
    async with start_broken_projectors(database_url, redis_url, fault, "task_detail", "tasks"):
        await write(world.pool, elsewhere)
        await write(world.pool, [*good, *bad[:4]])
        await poll_until(lambda: has_applied_everything(world.pool))
        assert [staleness(await world.get(path)) for path in (one, other, usage)] == [(200, None)] * 3
        assert staleness(await world.get("/tasks")) == (200, None), "what waits elsewhere is nobody's business here"

        await write(world.pool, bad[4:])
        await poll_until(lambda: has_applied_everything(world.pool))
        headers = {"Bureau-Consistency": await token(world, bad[0].root)}
        strict = headers | {"Prefer": "handling=strict"}
        for path in (one, "/tasks"):
            answer = await world.get(path, headers=headers)
            assert (staleness(answer), answer.headers["Bureau-Stale"]) == ((200, "parked"), "true")
            known = headers | {"If-None-Match": answer.headers["ETag"]}
            assert staleness(await world.get(path, headers=known)) == (304, "parked")
            refused = await world.get(path, headers=strict)
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "stale")
            await poll_until(partial(is_stale, world, path), what="also without a token")
            assert (await world.get(path, headers={"Prefer": "handling=strict"})).status_code == 503
        assert [staleness(await world.get(path, headers=strict)) for path in (other, usage)] == [(200, None)] * 2

        fault.event_ids.clear()
        for letter in await letters_of(world.pool):
            await add_request(world.pool, WantedAction(new_id(), letter.dead_letter_id, "retry", "a test"))
        await poll_until(lambda: has_no_letters(world.pool))
        for path in (one, "/tasks"):
            await poll_until(partial(is_current, world, path, strict), what="what was released is current")


async def test_what_is_not_there_because_it_is_parked_says_so(world: World, database_url: str, redis_url: str) -> None:
    fault, story = Fault(), story_in(Random(20261122))
    fault.event_ids.add(story[0].event_id)
    async with start_broken_projectors(database_url, redis_url, fault, "task_detail"):
        await write(world.pool, story)
        await poll_until(lambda: has_applied_everything(world.pool))
    headers = {"Bureau-Consistency": await token(world, story[0].root)}
    path = f"/tasks/{story[0].root}"
    assert staleness(await world.get(path, headers=headers)) == (404, "parked")
    assert staleness(await world.get(path)) == (404, "parked")
    for known in (headers, {}):
        assert (await world.get(path, headers=known | {"Prefer": "handling=strict"})).status_code == 503
    assert staleness(await world.get(f"/tasks/{new_id()}", headers=headers)) == (404, None)


async def is_stale(world: World, path: str) -> bool:
    return staleness(await world.get(path)) == (200, "parked")


async def is_current(world: World, path: str, headers: dict[str, str]) -> bool:
    return staleness(await world.get(path, headers=headers)) == (200, None)
