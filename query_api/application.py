"""The query API's application: opens what it needs while it runs, and puts the line together."""

import contextlib
from collections.abc import AsyncIterator
from functools import partial
from uuid import UUID

from fastapi import FastAPI

from infrastructure.answer_cache import open_answer_cache
from infrastructure.api_keys import cached_authenticate
from infrastructure.applied_positions import AppliedPositions, distrust, open_applied_positions, wait_until_applied
from infrastructure.cluster_identity import tell_changed_cluster
from infrastructure.cursors import cursor_key
from infrastructure.dead_letters import (
    DeadLetter,
    DeadLetterFilter,
    ParkedEventRow,
    find_dead_letter,
    is_anything_parked,
    read_dead_letters,
    read_parked_page,
)
from infrastructure.epochs import open_token_resolver
from infrastructure.event_log import remembered_shards
from infrastructure.local_answers import open_local_answers
from infrastructure.postgres import open_pool
from infrastructure.read_models import ReadModels, open_read_models, serving_version
from infrastructure.read_queries import (
    find_agent_detail,
    find_agent_page,
    find_task_detail,
    find_task_page,
    find_timeline_page,
)
from infrastructure.read_queries_approvals import (
    find_approval_detail,
    find_approval_page,
    find_budget,
    find_budget_page,
)
from infrastructure.read_queries_figures import find_context, find_usage
from infrastructure.redis_client import RedisClient, open_redis
from infrastructure.settings import Settings, signing_key
from infrastructure.web.application import create_web_application
from infrastructure.web.health import Check, check_postgres, check_redis
from query_api.dependencies import Finds, QueryDependencies
from query_api.routes import (
    agents_router,
    approvals_router,
    budgets_router,
    dead_letters_router,
    figures_router,
    tasks_router,
)

__all__ = ["create_application", "make_dependencies"]

_DESCRIPTION = """
Reads of agents, tasks, approvals, budgets and usage. Every answer has a strong `ETag`. Send a command's
`Bureau-Consistency` to read your own write.
"""


def make_dependencies(
    secret_key: bytes, models: ReadModels, client: RedisClient, positions: AppliedPositions
) -> QueryDependencies:
    """Return the ports of the query line on real servers."""
    finds = Finds(
        agent_page=partial(find_agent_page, models),
        agent_detail=partial(find_agent_detail, models),
        task_page=partial(find_task_page, models),
        task_detail=partial(find_task_detail, models),
        timeline_page=partial(find_timeline_page, models),
        approval_page=partial(find_approval_page, models),
        approval_detail=partial(find_approval_detail, models),
        budget_page=partial(find_budget_page, models),
        budget=partial(find_budget, models),
        dead_letters=partial(_find_dead_letters, models),
        dead_letter=partial(_find_dead_letter, models),
        usage=partial(find_usage, models),
        context=partial(find_context, models),
    )
    return QueryDependencies(
        finds=finds,
        local=open_local_answers(positions),
        cache=open_answer_cache(client),
        resolve_token=open_token_resolver(models.pool),
        wait_until_applied=partial(wait_until_applied, positions),
        distrust=partial(distrust, positions),
        find_parked=partial(is_anything_parked, models),
        flights={},
        shards=remembered_shards(models.pool),
        serving_version=partial(serving_version, models),
        cursor_key=cursor_key(secret_key),
    )


async def _find_dead_letters(
    models: ReadModels, wanted: DeadLetterFilter, after: UUID | None, limit: int
) -> list[DeadLetter]:
    """Return the dead letters that follow an id."""
    return await read_dead_letters(models.pool, wanted, after=after, limit=limit)


async def _find_dead_letter(
    models: ReadModels, workspace_id: str, dead_letter_id: UUID
) -> tuple[DeadLetter, list[ParkedEventRow]] | None:
    """Return a dead letter of a workspace with its first events."""
    letter = await find_dead_letter(models.pool, dead_letter_id, workspace_id=workspace_id)
    return None if letter is None else (letter, await read_parked_page(models.pool, letter))


def create_application(settings: Settings) -> FastAPI:
    """Return the application; raises SecretKeyError.

    Servers need not be there when it starts. Without Redis it is slower, not unready.
    """
    secret_key = signing_key(settings)
    checks: dict[str, Check] = {}

    @contextlib.asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[None]:
        database_url = settings.database_url.get_secret_value()
        pool = await open_pool(
            database_url,
            size=settings.database_pool_size,
            application_name="bureau query-api",
            on_connect=tell_changed_cluster,
        )
        client = open_redis(settings.redis_url.get_secret_value())
        try:
            async with open_applied_positions(pool, client) as positions, open_read_models(pool) as models:
                checks.update(postgresql=check_postgres(pool), redis=check_redis(client))
                application.state.authenticate = cached_authenticate(pool)
                application.state.query_dependencies = make_dependencies(secret_key, models, client, positions)
                yield
        finally:
            await client.aclose()
            await pool.close()

    return create_web_application(
        title="Bureau queries",
        description=_DESCRIPTION.strip(),
        process="query-api",
        settings=settings,
        lifespan=lifespan,
        checks=checks,
        routers=(
            agents_router(),
            tasks_router(),
            approvals_router(),
            budgets_router(),
            figures_router(),
            dead_letters_router(),
        ),
        optional=frozenset({"redis"}),
    )
