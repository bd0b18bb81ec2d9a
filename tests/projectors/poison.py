"""Lives with something in them that no projection can take, and the dead letters that become of them."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from uuid import UUID

from contracts.events import TaskSubmitted
from infrastructure.dead_letters import DeadLetter, DeadLetterFilter, read_dead_letters
from infrastructure.postgres import Pool
from tests.projectors.stories import Written, task_story
from tests.roots import root_in

__all__ = ["has_no_letters", "letters_of", "long_story", "unsavable", "with_gap"]


def long_story(randomness: Random, shard: int, at_least: int = 5) -> list[Written]:
    """Return a task of a shard with some events."""
    while len(story := task_story(randomness, root_in(shard, randomness))) < at_least:
        pass
    return story


def with_gap(story: Sequence[Written], missing: int) -> list[Written]:
    """Return a life that lacks an event: the one after it does not follow from what is there."""
    return [*story[:missing], *story[missing + 1 :]]


def unsavable(story: Sequence[Written]) -> list[Written]:
    """Return a life whose first event folds well into a row that PostgreSQL refuses: a key too long for an index."""
    submitted = story[0].event
    assert isinstance(submitted, TaskSubmitted)
    noise = "".join(str(UUID(int=Random(number).getrandbits(128))) for number in range(400))
    return [replace(story[0], event=submitted.model_copy(update={"context_id": noise})), *story[1:]]


async def letters_of(pool: Pool) -> list[DeadLetter]:
    return await read_dead_letters(pool, DeadLetterFilter())


async def has_no_letters(pool: Pool) -> bool:
    return not await letters_of(pool)
