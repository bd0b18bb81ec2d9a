"""Events that somebody had skipped: rows and sums are compared without them, and each is named once."""

from random import Random

import pytest

from bureau.verification import Report, Scope, verify
from infrastructure.dead_letters import (
    Action,
    DeadLetter,
    WantedAction,
    add_request,
    read_requests,
)
from infrastructure.identifiers import new_id
from infrastructure.postgres import Pool
from projectors.projections.tasks import TASKS
from projectors.refolding import refold
from tests.fold import has_applied_everything
from tests.polling import poll_until
from tests.projectors.faulty import Fault, start_broken_projectors
from tests.projectors.poison import letters_of
from tests.projectors.stories import Written, task_story, write, write_tasks
from tests.roots import root_in
from tests.verification.line import Line

SHARD = 5
_UNREADABLE = "UPDATE log.events SET envelope = '{}' WHERE event_id = $1"


def story_with_usage(randomness: Random) -> list[Written]:
    """Return a task's life that reports usage in its middle."""
    while True:
        story = task_story(randomness, root_in(SHARD, randomness))
        middle = [each.event.type for each in story[2:-1]]
        if "task.usage_reported" in middle:
            return story


async def ask(pool: Pool, letter: DeadLetter, action: Action) -> WantedAction:
    event_id = letter.event_id if action == "skip" else None
    wanted = WantedAction(new_id(), letter.dead_letter_id, action, "ada", event_id)
    assert await add_request(pool, wanted)
    return wanted


async def until_finished(pool: Pool, wanted: list[WantedAction]) -> list[str | None]:
    """Return what became of some requests, in the order in which they were made."""
    ids = [each.request_id for each in wanted]

    async def look() -> list[str | None]:
        outcomes = [each.outcome for each in await read_requests(pool, ids)]
        return outcomes if all(outcomes) else []

    return await poll_until(look)


async def compare(line: Line) -> Report:
    scope = Scope(is_deep=True, has_streams=False, has_write_side=False, has_receipts=False, patience_seconds=0)
    return await verify(line.pool, line.redis, scope)


async def test_an_event_that_every_read_model_skipped_is_no_difference_and_named_for_each(
    line: Line, database_url: str, redis_url: str, randomness: Random
) -> None:
    """Views, rows and sums go by one rule."""
    story = story_with_usage(randomness)
    await write(line.pool, story)
    bad = next(each for each in story[2:-1] if each.event.type == "task.usage_reported")
    await line.pool.execute(_UNREADABLE, bad.event_id)
    async with start_broken_projectors(database_url, redis_url, Fault()):
        await poll_until(lambda: has_applied_everything(line.pool))
        letters = await letters_of(line.pool)
        names = {letter.projection for letter in letters}
        assert {"tasks", "task_detail", "task_timeline", "usage"} <= names
        parked = await compare(line)
        assert {each.kind.value for each in parked.differences} == {"view.parked"}
        assert parked.skipped == ()
        wanted = [await ask(line.pool, letter, "skip") for letter in letters]
        again = [await ask(line.pool, letter, "skip") for letter in letters[:1]]
        assert set((await until_finished(line.pool, wanted + again))[: len(wanted)]) == {"released"}
        await write_tasks(line.pool, randomness, 3)
        await poll_until(lambda: has_applied_everything(line.pool))
    report = await compare(line)
    assert [str(each) for each in report.differences] == []
    assert {each.projection for each in report.skipped} == names
    assert len(report.skipped) == len(names)
    assert {(each.event_id, each.requested_by) for each in report.skipped} == {(bad.event_id, "ada")}


async def test_a_skip_that_found_its_event_applied_left_nothing_out(
    line: Line, database_url: str, redis_url: str, randomness: Random
) -> None:
    """The retry before it did what was to be done."""
    story = story_with_usage(randomness)
    fault = Fault({story[2].event_id})
    await write(line.pool, story)
    async with start_broken_projectors(database_url, redis_url, fault):
        await poll_until(lambda: has_applied_everything(line.pool))
        [letter] = await letters_of(line.pool)
    wanted = [await ask(line.pool, letter, "retry"), await ask(line.pool, letter, "skip")]
    async with start_broken_projectors(database_url, redis_url, Fault()):
        assert await until_finished(line.pool, wanted) == ["released", "released"]
    report = await compare(line)
    assert ([str(each) for each in report.differences], report.skipped) == ([], ())


@pytest.mark.parametrize("is_brought_back", [False, True])
async def test_rows_that_are_made_again_have_what_was_skipped(
    line: Line, database_url: str, redis_url: str, randomness: Random, is_brought_back: bool
) -> None:
    story = story_with_usage(randomness)
    await write(line.pool, story)
    async with start_broken_projectors(database_url, redis_url, Fault({story[2].event_id})):
        await poll_until(lambda: has_applied_everything(line.pool))
        [letter] = await letters_of(line.pool)
        await until_finished(line.pool, [await ask(line.pool, letter, "skip")])
    if is_brought_back:
        await refold(line.pool, TASKS, story[0].root)
    report = await compare(line)
    assert [str(each) for each in report.differences] == []
    assert [each.event_id for each in report.skipped] == ([] if is_brought_back else [story[2].event_id])
