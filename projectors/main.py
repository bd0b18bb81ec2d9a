"""The projectors' process: a worker a projection, one reader of the streams, one announcer, and what it says of itself.

It starts while PostgreSQL and Redis are not there, and carries on by itself when they come back.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from fastapi import FastAPI

from infrastructure.cluster_identity import refuse_changed_cluster
from infrastructure.lease_keeping import LeasePlan, open_leases
from infrastructure.postgres import Pool, open_pool
from infrastructure.read_store import load_bodies, save_batch
from infrastructure.redis_client import RedisClient, open_redis
from infrastructure.settings import Settings
from infrastructure.shard_leases import new_member
from infrastructure.web.health import Check, check_postgres, check_redis, create_health_application
from infrastructure.web.serving import serve
from projectors.announcer import Announcer, announce
from projectors.announcing import Servers, keep_announcing
from projectors.collecting import collect_less
from projectors.figures import read_figures, read_notes
from projectors.follower import FollowDependencies, Follower, role_of
from projectors.following import follow_projection
from projectors.inbox import Inbox
from projectors.projections import PROJECTIONS, Projection
from projectors.reading import Session, check_reading, keep_reading
from projectors.services import ApplyDependencies

__all__ = ["check_followers", "create_followers", "create_health", "run", "work"]


def create_followers(projections: Sequence[Projection] = PROJECTIONS) -> tuple[Follower, ...]:
    """Return a worker for each projection, before it has begun."""
    return tuple(Follower(projection, Inbox(projection), {}) for projection in projections)


async def check_followers(followers: Sequence[Follower]) -> None:
    """Raise RuntimeError where a projection has not begun, or does not go on for a reason that is no event's."""
    waiting = [follower.projection.name for follower in followers if not follower.has_begun.is_set()]
    if waiting:
        raise RuntimeError(f"not begun: {', '.join(waiting)}")
    stopped = [
        f"{follower.projection.name}, shard {shard}: {reason}"
        for follower in followers
        for shard, reason in follower.troubles.items()
    ]
    if stopped:
        raise RuntimeError("; ".join(stopped))


def create_health(session: Session, pool: Pool, client: RedisClient) -> FastAPI:
    """Return the application that serves /health, /ready and /metrics."""
    checks: dict[str, Check] = {
        "postgresql": check_postgres(pool),
        "redis": check_redis(client),
        "streams": partial(check_reading, session),
        "projections": partial(check_followers, session.followers),
    }
    return create_health_application("projectors", checks, partial(read_figures, pool), partial(read_notes, pool))


def _dependencies(pool: Pool, announcer: Announcer, held: Callable[[], frozenset[int] | None]) -> FollowDependencies:
    """Return what one projection's worker needs."""
    apply = ApplyDependencies(
        load_bodies=partial(load_bodies, pool),
        save_batch=partial(save_batch, pool),
        announce=partial(announce, announcer),
    )
    return FollowDependencies(pool, apply, announcer, held)


async def work(session: Session, pool: Pool, client: RedisClient, leases: Pool | None = None) -> None:
    """Apply events until cancelled, in the shards of this replica; without a pool for leases in all of them."""
    if leases is None:
        await _follow_all(session, pool, client, lambda _projection: None)
        return
    has_share = asyncio.Event()

    def share_anew() -> None:
        has_share.set()
        for follower in session.followers:
            follower.is_shared_anew.set()
            follower.inbox.has_work.set()

    roles = [role_of(follower.projection.name) for follower in session.followers]
    async with open_leases(leases, client, LeasePlan(new_member(), roles, share_anew)) as shares:
        await has_share.wait()
        await _follow_all(session, pool, client, lambda projection: shares.held(role_of(projection)))


async def _follow_all(
    session: Session, pool: Pool, client: RedisClient, held: Callable[[str], frozenset[int] | None]
) -> None:
    """Run a worker for each projection, one reader of the streams and one announcer until cancelled."""
    followers = session.followers
    announcer = Announcer(
        projections={follower.projection.name: follower.projection for follower in followers},
        checkpoints={follower.projection.name: follower.checkpoints for follower in followers},
    )
    async with asyncio.TaskGroup() as group:
        for follower in followers:
            own = partial(held, follower.projection.name)
            group.create_task(follow_projection(follower, _dependencies(pool, announcer, own)))
        group.create_task(keep_announcing(announcer, Servers(client, pool)))
        group.create_task(keep_reading(session, client))


async def _open_pool(settings: Settings, size: int) -> Pool:
    """Return a pool; leases have one of their own, for they must not wait behind the work."""
    return await open_pool(
        settings.database_url.get_secret_value(),
        size=size,
        application_name="bureau-projectors",
        is_durable=False,
        on_connect=refuse_changed_cluster,
    )


async def run(settings: Settings, stop: asyncio.Event, projections: Sequence[Projection] = PROJECTIONS) -> None:
    """Apply events until `stop` is set. Raises OSError where the port for /health can't be had."""
    redis_url = settings.redis_url.get_secret_value()
    pool, leases = await _open_pool(settings, settings.database_pool_size), await _open_pool(settings, 1)
    client = open_redis(redis_url)
    session = Session(redis_url, create_followers(projections))
    health = create_health(session, pool, client)
    collect_less()
    try:
        async with asyncio.TaskGroup() as group:
            working = group.create_task(work(session, pool, client, leases))
            await serve(health, host=settings.host, port=settings.port, stop=stop)
            working.cancel()
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    finally:
        await client.aclose()
        pool.terminate()
        leases.terminate()
