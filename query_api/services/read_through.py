"""Reading through both levels of the cache, and making an answer once however many ask for it at the same time."""

import asyncio
from collections.abc import Mapping

from contracts.streams import EntryId
from infrastructure.answer_cache import Answer, CachePlace
from query_api.dependencies import Flights, QueryDependencies
from query_api.services.question import Find, Question, at_version, cache_name

__all__ = ["is_enough", "read_through"]


def is_enough(answer: Answer | None, targets: Mapping[int, EntryId]) -> bool:
    """Tell whether an answer is at or past the targets; those of shards that it is not made of don't concern it."""
    if not targets:
        return True
    if answer is None or answer.covers is None:
        return False
    positions = answer.covers.positions
    return all(positions[shard] >= target.position for shard, target in targets.items() if shard in positions)


def _launch(flights: Flights, place: CachePlace, find: Find) -> asyncio.Task[Answer | None]:
    """Start making an answer, in a task of its own: whoever asked first may leave before it is done."""

    def land(flight: asyncio.Task[Answer | None]) -> None:
        del flights[place]
        if not flight.cancelled():
            flight.exception()  # whoever still waits is told; if all have left, nobody has to be

    flight = asyncio.create_task(find())
    flight.add_done_callback(land)
    flights[place] = flight
    return flight


async def _share(flights: Flights, place: CachePlace, find: Find, targets: Mapping[int, EntryId]) -> Answer | None:
    """Return what a running flight brings, where that is enough; else what one that starts now brings."""
    running = flights.get(place)
    if running is not None:
        answer = await asyncio.shield(running)
        if is_enough(answer, targets):
            return answer
    return await asyncio.shield(flights.get(place) or _launch(flights, place, find))


async def _read_shared(
    question: Question, targets: Mapping[int, EntryId], dependencies: QueryDependencies
) -> Answer | None:
    """Return the shared cache's answer where it is at or past the targets; else find it, keep it, and return it.

    The stamp is read before the find begins: a forget in between keeps the fill out.
    """
    if not question.is_shared:
        return await _share(dependencies.flights, question.place, question.find, targets)
    seen = await dependencies.cache.look_up(question.place, cache_name(question), targets)
    if seen.answer is not None:
        return seen.answer

    async def find_and_keep() -> Answer | None:
        answer = await question.find()
        if answer is not None and seen.stamp is not None:
            await dependencies.cache.keep(question.place, cache_name(question), answer, seen.stamp)
        return answer

    return await _share(dependencies.flights, question.place, find_and_keep, targets)


async def read_through(
    question: Question, targets: Mapping[int, EntryId], dependencies: QueryDependencies
) -> Answer | None:
    """Return this process's answer where it is current and at or past the targets; else the shared one, and keep it.

    What was heard is taken before anything is read: a notice in between makes the entry useless, never stale.
    """
    question = at_version(question, dependencies.serving_version(question.roots.projection))
    version = dependencies.local.version(question.roots)
    if version is None:
        return await _read_shared(question, targets, dependencies)
    known = dependencies.local.look_up(question.place, version)
    if known is not None and is_enough(known, targets):
        return known
    answer = await _read_shared(question, targets, dependencies)
    if answer is not None:
        dependencies.local.keep(question.place, version, answer)
    return answer
