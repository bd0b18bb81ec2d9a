"""Dead letters that somebody retries or skips: in order, once, and never beside the live batch."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from random import Random
from uuid import UUID

import pytest
from redis.asyncio import Redis

from contracts.streams import EntryId
from infrastructure.applied_positions import open_applied_positions
from infrastructure.dead_letters import (
    Action,
    DeadLetter,
    DeadLetterRequest,
    WantedAction,
    add_request,
    read_requests,
)
from infrastructure.identifiers import new_id
from infrastructure.postgres import Pool
from projectors.projections.tasks import TASKS
from projectors.reading import Session
from tests.fold import find_unfolded, has_applied_everything
from tests.polling import poll_until
from tests.projectors.faulty import Fault, start_broken_projectors
from tests.projectors.parked_fold import find_unfolded_but_parked, read_parked_positions
from tests.projectors.poison import has_no_letters, letters_of, long_story, unsavable
from tests.projectors.stories import Written, carry, interleave, write, write_tasks

SHARD = 5

type Start = Callable[[Fault], AbstractAsyncContextManager[Session]]


@pytest.fixture
def start(database_url: str, redis_url: str) -> Start:
    return lambda fault: start_broken_projectors(database_url, redis_url, fault)


async def ask(pool: Pool, letter: DeadLetter, action: Action, event_id: UUID | None = None) -> DeadLetterRequest:
    """Ask for something and return what became of it."""
    asked = await add_request(pool, WantedAction(new_id(), letter.dead_letter_id, action, "a test", event_id))
    assert asked is not None
    return await finished(pool, asked)


async def finished(pool: Pool, asked: DeadLetterRequest) -> DeadLetterRequest:
    async def look() -> DeadLetterRequest | None:
        [now] = await read_requests(pool, [asked.request_id])
        return now if now.outcome else None

    found = await poll_until(look, what="somebody does it")
    assert found is not None
    return found


async def park(pool: Pool, fault: Fault, story: list[Written], *generations: int) -> DeadLetter:
    """Write a story of which some events cannot be taken, and return the dead letter that comes of it."""
    fault.event_ids.update(written.event_id for written in story if written.generation in generations)
    await write(pool, story)
    await poll_until(lambda: has_applied_everything(pool))
    [letter] = [each for each in await letters_of(pool) if each.root_id == story[0].root]
    return letter


async def test_a_retry_after_the_repair_applies_all_that_waits_in_its_order(
    pool: Pool, start: Start, randomness: Random
) -> None:
    fault, story = Fault(), long_story(randomness, SHARD, 6)
    async with start(fault):
        letter = await park(pool, fault, story, 3)
        assert (letter.projection, letter.shard, letter.root_id) == ("tasks", SHARD, story[0].root)
        assert (letter.event_id, letter.events) == (story[2].event_id, len(story) - 2)
        fault.event_ids.clear()
        done = await ask(pool, letter, "retry")
        assert (done.outcome, done.applied) == ("released", len(story) - 2)
        assert await letters_of(pool) == []
        assert await read_parked_positions(pool, TASKS) == set()
        assert await find_unfolded(pool) == []
        await write_tasks(pool, randomness, 5)
        await poll_until(lambda: has_applied_everything(pool))
    assert await find_unfolded(pool) == []


async def test_a_retry_that_fails_again_keeps_what_waits_from_there_on(
    pool: Pool, start: Start, randomness: Random
) -> None:
    fault, story = Fault(), long_story(randomness, SHARD, 6)
    async with start(fault):
        letter = await park(pool, fault, story, 2, 4)
        again = await ask(pool, letter, "retry")
        assert (again.outcome, again.applied) == ("failed_again", 0)
        fault.event_ids.remove(story[1].event_id)
        later = await ask(pool, letter, "retry")
        assert (later.outcome, later.applied) == ("failed_again", 2)
        assert "this code cannot take" in str(later.error)
        [left] = await letters_of(pool)
        assert (left.dead_letter_id, left.event_id, left.attempts) == (letter.dead_letter_id, story[3].event_id, 3)
        assert await find_unfolded_but_parked(pool) == []
        fault.event_ids.clear()
        assert (await ask(pool, letter, "retry")).outcome == "released"
    assert await find_unfolded(pool) == []


async def test_a_retry_of_rows_that_the_database_still_refuses_changes_nothing(
    pool: Pool, start: Start, randomness: Random
) -> None:
    story = unsavable(long_story(randomness, SHARD, 6))
    async with start(Fault()):
        letter = await park(pool, Fault(), story)
        before = await read_parked_positions(pool, TASKS)
        again = await ask(pool, letter, "retry")
        assert (again.outcome, again.applied) == ("failed_again", 0)
        assert "ProgramLimitExceededError" in str(again.error)
        assert await read_parked_positions(pool, TASKS) == before
    assert await find_unfolded_but_parked(pool) == []


async def test_a_skip_leaves_one_event_out_and_applies_the_rest(pool: Pool, start: Start, randomness: Random) -> None:
    fault, story = Fault(), long_story(randomness, SHARD, 6)
    async with start(fault):
        letter = await park(pool, fault, story, 3)
        wrong = await ask(pool, letter, "skip", story[3].event_id)
        assert (wrong.outcome, wrong.applied) == ("refused", 0)
        done = await ask(pool, letter, "skip", story[2].event_id)
        assert (done.outcome, done.applied) == ("released", len(story) - 3)
        assert await letters_of(pool) == []
        await write_tasks(pool, randomness, 5)
        await poll_until(lambda: has_applied_everything(pool))
    body = await pool.fetchval("SELECT body FROM read.task_list WHERE task_id = $1", story[0].root)
    assert f'"generation":{story[-1].generation}'.encode() in body


async def test_a_skip_that_meets_another_event_that_fails_parks_on_from_there(
    pool: Pool, start: Start, randomness: Random
) -> None:
    fault, story = Fault(), long_story(randomness, SHARD, 6)
    async with start(fault):
        letter = await park(pool, fault, story, 2, 5)
        done = await ask(pool, letter, "skip", story[1].event_id)
        assert (done.outcome, done.applied) == ("failed_again", 2)
        [left] = await letters_of(pool)
        assert left.event_id == story[4].event_id


async def test_a_skip_of_an_event_that_a_retry_applied_meanwhile_is_refused(
    pool: Pool, start: Start, randomness: Random
) -> None:
    fault, story = Fault(), long_story(randomness, SHARD, 6)
    async with start(fault):
        letter = await park(pool, fault, story, 2, 5)
    fault.event_ids.remove(story[1].event_id)
    both: list[tuple[Action, UUID | None]] = [("retry", None), ("skip", story[1].event_id)]
    asked = [
        await add_request(pool, WantedAction(new_id(), letter.dead_letter_id, action, "a test", event_id))
        for action, event_id in both
    ]
    async with start(fault):
        retried, skipped = [await finished(pool, request) for request in asked if request]
    assert (retried.outcome, retried.applied) == ("failed_again", 3)
    assert (skipped.outcome, skipped.applied) == ("refused", 0)
    [left] = await letters_of(pool)
    assert (left.event_id, left.attempts) == (story[4].event_id, 2)
    assert await find_unfolded_but_parked(pool) == []


async def test_a_release_is_noticed_by_who_keeps_answers_in_memory(
    pool: Pool, redis: Redis, start: Start, randomness: Random
) -> None:
    fault, story = Fault(), long_story(randomness, SHARD, 6)
    place = ("tasks", SHARD)
    async with open_applied_positions(pool, redis) as positions, start(fault):
        await asyncio.wait_for(positions.is_listening.wait(), 10)
        letter = await park(pool, fault, story, 3)
        reached = EntryId(1, len(story))
        await poll_until(lambda: positions.known.get(place) == reached)
        fault.event_ids.clear()
        heard = positions.heard[place]
        assert (await ask(pool, letter, "retry")).outcome == "released"
        await poll_until(lambda: positions.heard[place] > heard)
        assert positions.known[place] == reached


async def test_the_same_request_twice_is_one(pool: Pool, start: Start, randomness: Random) -> None:
    fault, story = Fault(), long_story(randomness, SHARD, 5)
    async with start(fault):
        letter = await park(pool, fault, story, 2)
        fault.event_ids.clear()
        wanted = WantedAction(new_id(), letter.dead_letter_id, "retry", "a test")
        first = await add_request(pool, wanted)
        assert first is not None
        done = await finished(pool, first)
        assert await add_request(pool, wanted) == done
        nothing = await add_request(pool, WantedAction(new_id(), letter.dead_letter_id, "retry", "a test"))
        assert nothing is None


async def test_retries_beside_live_events_and_a_second_projector_lose_and_double_nothing(
    pool: Pool, redis: Redis, start: Start, randomness: Random
) -> None:
    fault = Fault()
    stories = [long_story(randomness, SHARD, 8) for _ in range(12)]
    fault.event_ids.update(story[2].event_id for story in stories)
    is_over = asyncio.Event()

    async def retry_all_the_time() -> None:
        while not is_over.is_set():
            for letter in await letters_of(pool):
                await add_request(pool, WantedAction(new_id(), letter.dead_letter_id, "retry", "a test"))
            await asyncio.sleep(0.05)

    async with start(fault), start(fault):
        retrying = asyncio.create_task(retry_all_the_time())
        for number in range(8):
            await write(pool, interleave(randomness, [story[number : number + 1] for story in stories]))
            await write_tasks(pool, randomness, 3)
            await carry(pool, redis)
            if number == 4:
                fault.event_ids.clear()
        await write(pool, [written for story in stories for written in story[8:]])
        await poll_until(lambda: has_applied_everything(pool), timeout=20)
        await poll_until(lambda: has_no_letters(pool), timeout=20)
        is_over.set()
        await retrying
    assert await find_unfolded(pool) == []
