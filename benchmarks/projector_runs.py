"""Running the projectors' loops inside a measurement."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from infrastructure.postgres import Pool
from infrastructure.read_checkpoints import open_serving, read_standings
from infrastructure.redis_client import open_redis
from projectors.main import create_followers, work
from projectors.projections import Projection
from projectors.reading import Session, check_reading

__all__ = ["empty_read_models", "has_arrived", "wait_until_reading", "working"]

_TABLES: Final = (
    "read.checkpoints, read.agent_list, read.agent_detail, read.task_list, read.task_detail, read.task_messages,"
    " read.task_artifact_chunks, read.task_timeline, read.approval_list, read.approval_detail, read.budgets,"
    " read.usage_sums"
)


async def empty_read_models(pool: Pool, projections: Sequence[Projection]) -> None:
    """Forget everything that was projected."""
    await pool.execute(f"TRUNCATE {_TABLES}")
    for projection in projections:
        await open_serving(pool, projection.name)


async def has_arrived(pool: Pool, projections: Sequence[Projection]) -> bool:
    """Tell whether all projections are at the head of the log."""
    for projection in projections:
        standings = await read_standings(pool, await open_serving(pool, projection.name))
        if any(standing.checkpoint != standing.head for standing in standings.values()):
            return False
    return True


@asynccontextmanager
async def working(pool: Pool, redis_url: str, projections: Sequence[Projection]) -> AsyncIterator[Session]:
    """Run the projectors' loops while the block lasts."""
    client = open_redis(redis_url)
    session = Session(redis_url, create_followers(projections))
    task = asyncio.create_task(work(session, pool, client))
    try:
        yield session
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.aclose()


async def wait_until_reading(session: Session) -> None:
    """Wait until every stream is being read."""
    while True:
        try:
            await check_reading(session)
        except RuntimeError:
            await asyncio.sleep(0.02)
        else:
            return
