"""Reading through the cache, and making an answer once however many ask for it at the same time."""

import asyncio
from collections.abc import Mapping

from contracts.streams import EntryId
from infrastructure.answer_cache import Answer, CachePlace
from query_api.dependencies import Flights, QueryDependencies
from query_api.services.question import Find, Question

__all__ = ["read_through"]


def _is_enough(answer: Answer | None, targets: Mapping[int, EntryId]) -> bool:
    """Tell whether an answer is at or past all targets; with none, any answer will do."""
    if not targets:
        return True
    if answer is None or answer.covers is None:
        return False
    positions = answer.covers.positions
    return all(positions.get(shard, 0) >= target.position for shard, target in targets.items())


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
        if _is_enough(answer, targets):
            return answer
    return await asyncio.shield(flights.get(place) or _launch(flights, place, find))


async def read_through(
    question: Question, targets: Mapping[int, EntryId], dependencies: QueryDependencies
) -> Answer | None:
    """Return the cached answer where it is at or past the targets; else find it, keep it, and return it.

    The stamp is read before the find begins: a forget in between keeps the fill out.
    """
    place = question.place
    if place is None:
        return await question.find()
    seen = await dependencies.cache.look_up(place, question.projection, targets)
    if seen.answer is not None:
        return seen.answer

    async def find_and_keep() -> Answer | None:
        answer = await question.find()
        if answer is not None and seen.stamp is not None:
            await dependencies.cache.keep(place, answer, seen.stamp)
        return answer

    return await _share(dependencies.flights, place, find_and_keep, targets)
