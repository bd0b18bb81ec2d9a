"""What tests of the cache share: one task that is asked for, and ways to see and to delay how it is found."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from contracts.streams import EntryId
from infrastructure.answer_cache import AnswerCache, CachePlace, Seen
from infrastructure.read_queries import FoundTask
from infrastructure.read_statements import RowName
from query_api.dependencies import QueryDependencies
from tests.query.world import World, id_of, shard_for

__all__ = ["PLACE", "SHARD", "TAG", "TASK", "Find", "count_looks", "dependencies_of", "generation_of", "intercept"]

TASK = f"/tasks/{id_of('t')}"
TAG = f"task_detail/{id_of('t')}"
SHARD = shard_for("t")
PLACE = CachePlace("tag", "variant")
type Find = Callable[[], Awaitable[FoundTask | None]]


def dependencies_of(world: World) -> QueryDependencies:
    dependencies: QueryDependencies = world.application.state.query_dependencies
    return dependencies


def intercept(world: World, around: Callable[[Find], Awaitable[FoundTask | None]]) -> None:
    """Put something around the find function of task details."""
    dependencies = dependencies_of(world)
    found = dependencies.finds.task_detail

    async def find(name: RowName) -> FoundTask | None:
        return await around(lambda: found(name))

    finds = replace(dependencies.finds, task_detail=find)
    world.application.state.query_dependencies = replace(dependencies, finds=finds)


def count_looks(world: World) -> list[Seen]:
    """Return a list that grows with each look into the cache."""
    dependencies = dependencies_of(world)
    looked: list[Seen] = []

    async def look_up(place: CachePlace, projection: str, targets: Mapping[int, EntryId]) -> Seen:
        looked.append(await dependencies.cache.look_up(place, projection, targets))
        return looked[-1]

    cache = AnswerCache(look_up, dependencies.cache.keep)
    world.application.state.query_dependencies = replace(dependencies, cache=cache)
    return looked


async def generation_of(world: World, token: str | None = None) -> int:
    answer = await world.get(TASK, headers={"Bureau-Consistency": token} if token else None)
    generation = answer.json()["generation"]
    assert isinstance(generation, int)
    return generation
