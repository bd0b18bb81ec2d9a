"""`bureau dead-letters` against a real database and projectors that run."""

import asyncio
import json
import subprocess
from random import Random
from typing import Any
from uuid import UUID

import pytest

from infrastructure.postgres import open_pool
from tests.fold import has_applied_everything
from tests.polling import poll_until
from tests.projectors.faulty import Fault, start_broken_projectors
from tests.projectors.poison import long_story
from tests.projectors.stories import Written, write
from tests.runtime.command_line import bureau

_CHECKPOINT = (
    "INSERT INTO read.checkpoints (projection, version, shard, epoch, position) VALUES ('tasks', 1, 3, 1, 1050)"
)
_PARKED_ROOT = """
INSERT INTO read.parked_roots (projection, version, shard, root_id, workspace_id, failed_position, error)
VALUES ('tasks', 1, 3, $1, 'default', 1, 'broken')
"""
_PARKED_EVENTS = """
INSERT INTO read.parked_events
SELECT 'tasks', 1, 3, n, 1, gen_random_uuid(), 'task.progressed', 'default', 'task', $1::uuid, n, $1::uuid, now(),
  convert_to(json_build_object('n', n)::text, 'UTF8') FROM generate_series(1, 1050) AS n
"""
_NOBODY = "00000000-0000-7000-8000-000000000000"


async def dead_letters(database_url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {"DATABASE_URL": database_url, "COLUMNS": "300"}
    return await asyncio.to_thread(
        bureau, "dead-letters", *arguments, "--directory", "/nonexistent", environment=environment
    )


async def listed(database_url: str, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((await dead_letters(database_url, "list", "--json", *arguments)).stdout)[
        "dead_letters"
    ]
    return found


async def write_all(database_url: str, stories: list[list[Written]]) -> None:
    pool = await open_pool(database_url, size=2, application_name="dead letters test")
    for story in stories:
        await write(pool, story)
    await poll_until(lambda: has_applied_everything(pool))
    await pool.close()


async def test_what_waits_is_listed_shown_retried_and_skipped(database_url: str, redis_url: str) -> None:
    fault, randomness = Fault(), Random(20261122)
    stories = [long_story(randomness, 5, 6) for _ in range(2)]
    fault.event_ids.update(story[2].event_id for story in stories)
    async with start_broken_projectors(database_url, redis_url, fault):
        await write_all(database_url, stories)
        letters = await listed(database_url)
        assert {UUID(letter["root_id"]) for letter in letters} == {story[0].root for story in stories}
        assert await listed(database_url, "--projection", "agents") == []
        [first] = await listed(database_url, "--root", str(stories[0][0].root))
        table = await dead_letters(database_url, "list")
        assert str(stories[0][0].root) in table.stdout
        assert "2 dead letters" in table.stderr
        shown = json.loads((await dead_letters(database_url, "show", first["dead_letter_id"], "--json")).stdout)
        assert [event["event_id"] for event in shown["events"]] == [str(each.event_id) for each in stories[0][2:]]
        assert shown["events"][0]["event"]["subject"] == f"task/{stories[0][0].root}"

        again = await dead_letters(database_url, "retry", first["dead_letter_id"], "--json")
        assert again.returncode == 1
        assert json.loads(again.stdout)["requests"][0]["outcome"] == "failed_again"
        assert "this code cannot take" in again.stderr
        unsure = await dead_letters(database_url, "skip", first["dead_letter_id"])
        assert (unsure.returncode, len(await listed(database_url))) == (2, 2)
        skipped = await dead_letters(database_url, "skip", first["dead_letter_id"], "--yes")
        assert skipped.returncode == 0, skipped.stderr
        fault.event_ids.clear()
        retried = await dead_letters(database_url, "retry", "--all")
        assert retried.returncode == 0, retried.stderr
        assert await listed(database_url) == []


async def test_all_that_waits_is_shown_however_much_it_is(database_url: str) -> None:
    pool = await open_pool(database_url, size=1, application_name="dead letters test")
    await pool.execute(_CHECKPOINT)
    await pool.execute(_PARKED_ROOT, UUID(_NOBODY))
    await pool.execute(_PARKED_EVENTS, UUID(_NOBODY))
    await pool.close()
    [letter] = await listed(database_url)
    shown = json.loads((await dead_letters(database_url, "show", letter["dead_letter_id"], "--json")).stdout)
    assert [event["position"] for event in shown["events"]] == list(range(1, 1_051))
    assert shown["events"][-1]["event"] == {"n": 1_050}
    table = await dead_letters(database_url, "show", letter["dead_letter_id"])
    assert "1-1050" in table.stdout


async def test_a_retry_that_nobody_does_says_so_and_stays_asked_for(database_url: str, redis_url: str) -> None:
    fault, randomness = Fault(), Random(20261122)
    story = long_story(randomness, 5, 6)
    fault.event_ids.add(story[1].event_id)
    async with start_broken_projectors(database_url, redis_url, fault):
        await write_all(database_url, [story])
    late = await dead_letters(database_url, "retry", "--all", "--wait", "0.2")
    assert late.returncode == 1
    assert "no projector did it" in late.stderr
    async with start_broken_projectors(database_url, redis_url, Fault()):

        async def has_nothing() -> bool:
            return not await listed(database_url)

        await poll_until(has_nothing, timeout=30)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show", _NOBODY), 1),
        (("retry", _NOBODY), 1),
        (("skip", _NOBODY, "--yes"), 1),
        (("retry",), 2),
        (("retry", _NOBODY, "--all"), 2),
        (("retry", "--all"), 0),
        (("list",), 0),
    ],
)
async def test_what_is_not_there_or_not_said_ends_with_its_code(
    database_url: str, arguments: tuple[str, ...], code: int
) -> None:
    answer = await dead_letters(database_url, *arguments)
    assert (answer.returncode, "Traceback" in answer.stderr) == (code, False), answer.stderr
