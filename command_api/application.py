"""The command API's composition root: every dependency of the write side is visible here."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from command_api.direct_calls import call_directly
from command_api.purging import PurgingDependencies, open_purging
from command_api.routes import agents, approvals, budgets, dead_letters, endings, leases, submissions, tasks, work
from command_api.routes.rejections import install_rejection_handlers
from command_api.scheduler import SchedulerDependencies, open_scheduler
from command_api.services.command_services import CommandServices
from command_api.services.dependencies import CommandDependencies
from command_api.services.lease_dispatcher import LeaseDispatcher, open_lease_dispatcher
from command_api.services.one_at_a_time import make_one_at_a_time
from infrastructure.api_keys import Authenticate, cached_authenticate, read_principals
from infrastructure.backoff import pause_before_try
from infrastructure.clock import monotonic_seconds
from infrastructure.cluster_identity import tell_changed_cluster
from infrastructure.command_loads import load_commands
from infrastructure.dead_letters import DeadLetterRequest, WantedAction, add_request, wait_for_requests
from infrastructure.event_log import remembered_shards
from infrastructure.identifiers import new_id, new_traceparent, random_share
from infrastructure.joint_saves import saving
from infrastructure.postgres import Pool, open_pool
from infrastructure.purging import purge_receipts
from infrastructure.ready_notices import open_ready_notices
from infrastructure.redis_client import open_redis
from infrastructure.settings import Settings, signing_key
from infrastructure.together import together
from infrastructure.upkeep import record_run
from infrastructure.wake import Wake, open_waker
from infrastructure.web.application import create_web_application
from infrastructure.web.health import Check, check_postgres, check_redis
from infrastructure.work_store import (
    find_agents,
    find_due_tasks,
    find_open_tasks,
    find_work,
    read_messages,
    remembered_agents,
)

__all__ = ["ROUTERS", "create_application"]

ROUTERS = (
    submissions.router,
    work.router,
    endings.router,
    leases.router,
    tasks.router,
    approvals.router,
    agents.router,
    budgets.router,
    dead_letters.router,
)
# One is used as long as its calls end in time; the others are for what comes while one hangs.
_LANES = 3
_MOST_TOGETHER = 32
_DESCRIPTION = """
Commands: everything that changes something. Each is carried out once for its Idempotency-Key. 409 `version_conflict` is
`retryable`: others changed the same task, agent or budget again and again; send the same again.
""".strip()


def _services(
    pool: Pool, secret_key: bytes, announce: Wake, dispatcher: LeaseDispatcher, announce_work: Callable[[], None]
) -> CommandServices:
    """Put the write side together."""
    return CommandServices(
        commands=CommandDependencies(
            load=together(partial(load_commands, pool), most=_MOST_TOGETHER, lanes=_LANES),
            save=saving(pool, most=_MOST_TOGETHER, lanes=_LANES),
            announce=announce,
            announce_work=announce_work,
            pause=pause_before_try,
            make_id=new_id,
            shards=remembered_shards(pool),
        ),
        secret_key=secret_key,
        dispatcher=dispatcher,
        one_at_a_time=make_one_at_a_time(),
        find_agents=partial(find_agents, pool),
        recall_agents=remembered_agents(pool),
        find_open_tasks=partial(find_open_tasks, pool),
        read_messages=partial(read_messages, pool),
        read_principals=partial(read_principals, pool, has_revoked=True),
        ask_for_release=partial(_ask_for_release, pool),
        make_id=new_id,
        make_traceparent=new_traceparent,
        random_share=random_share,
        monotonic=monotonic_seconds,
    )


async def _ask_for_release(
    pool: Pool, wanted: WantedAction, workspace_id: str, seconds: float
) -> DeadLetterRequest | None:
    """Ask something of a dead letter and wait a little."""
    asked = await add_request(pool, wanted, workspace_id=workspace_id)
    return None if asked is None else (await wait_for_requests(pool, [asked.request_id], seconds))[0]


def _purging(pool: Pool, days: int) -> PurgingDependencies:
    """Put the purging of receipts together."""
    return PurgingDependencies(
        purge=lambda limit: purge_receipts(pool, days=days, limit=limit), record=partial(record_run, pool, "receipts")
    )


@asynccontextmanager
async def _open_services(
    settings: Settings, secret_key: bytes, checks: dict[str, Check]
) -> AsyncIterator[tuple[Authenticate, CommandServices]]:
    """Open what the write side needs, and run the scheduler while it is open."""
    pool = await open_pool(
        settings.database_url.get_secret_value(),
        size=settings.database_pool_size,
        application_name="bureau command-api",
        on_connect=tell_changed_cluster,
    )
    redis = open_redis(settings.redis_url.get_secret_value())
    async with (
        open_waker(redis) as announce,
        open_lease_dispatcher(partial(find_work, pool)) as dispatcher,
        open_ready_notices(redis, dispatcher.wake) as announce_work,
    ):
        services = _services(pool, secret_key, announce, dispatcher, announce_work)
        checks.update(postgresql=check_postgres(pool), redis=check_redis(redis))
        async with (
            open_scheduler(SchedulerDependencies(services, partial(find_due_tasks, pool))),
            open_purging(_purging(pool, settings.receipt_days)),
        ):
            yield cached_authenticate(pool), services
    await redis.aclose()
    await pool.close()


def create_application(settings: Settings) -> FastAPI:
    """Return the command API; raises SecretKeyError. It starts without its servers and says in /ready when they are.

    Redis is only its wake-up call to the relay: without it commands are carried out as ever.
    """
    secret_key = signing_key(settings)
    checks: dict[str, Check] = {}

    @asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[None]:
        async with _open_services(settings, secret_key, checks) as (authenticate, services):
            application.state.authenticate = authenticate
            application.state.services = services
            yield

    application = create_web_application(
        title="Bureau commands",
        description=_DESCRIPTION,
        process="command-api",
        settings=settings,
        lifespan=lifespan,
        checks=checks,
        optional=frozenset({"redis"}),
        routers=ROUTERS,
        shorten=partial(call_directly, routers=ROUTERS),
    )
    install_rejection_handlers(application)
    return application
