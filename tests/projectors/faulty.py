"""Projectors whose code is broken for some events, until it is mended."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from uuid import UUID

from infrastructure.postgres import open_pool
from infrastructure.redis_client import open_redis
from projectors.main import create_followers, work
from projectors.projections import PROJECTIONS, Projection, Recorded
from projectors.reading import Session

__all__ = ["Fault", "break_projection", "start_broken_projectors"]


@dataclass(frozen=True)
class Fault:
    """The events that the broken code cannot take."""

    event_ids: set[UUID] = field(default_factory=set)


def break_projection(projection: Projection, fault: Fault) -> Projection:
    """Return a projection with a fault in the code of its views."""

    def guarded(project: Callable[[Any, Recorded[Any]], Any], view: object, recorded: Recorded[Any]) -> object:
        if recorded.event_id in fault.event_ids:
            message = f"this code cannot take {recorded.type}"
            raise RuntimeError(message)
        return project(view, recorded)

    views = tuple(replace(table, project=partial(guarded, table.project)) for table in projection.views)
    return replace(projection, views=views)


@asynccontextmanager
async def start_broken_projectors(
    database_url: str, redis_url: str, fault: Fault, *names: str
) -> AsyncIterator[Session]:
    """Run all projections, those named (`tasks`, if none is) with a fault, until the block ends."""
    broken = names or ("tasks",)
    projections = [break_projection(each, fault) if each.name in broken else each for each in PROJECTIONS]
    pool = await open_pool(database_url, size=4, application_name="broken projectors", is_durable=False)
    client = open_redis(redis_url)
    session = Session(redis_url, create_followers(projections))
    working = asyncio.create_task(work(session, pool, client))
    try:
        yield session
        assert not working.done(), working.exception()
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await client.aclose()
        pool.terminate()
