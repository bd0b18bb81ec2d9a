"""/health and /ready, the same on every process: status codes decide for probes, the body says why.

A process that serves nothing else may also have notes for people, in the body of /ready, and figures at /metrics.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal

from fastapi import APIRouter, FastAPI, Response

from contracts.record import Record
from infrastructure.clock import monotonic_seconds
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient
from infrastructure.web.metrics import ReadGauges, metrics_router

__all__ = [
    "Check",
    "Dependency",
    "Health",
    "ReadNotes",
    "Readiness",
    "check_postgres",
    "check_redis",
    "create_health_application",
    "health_router",
    "read_readiness",
]

type Check = Callable[[], Awaitable[None]]
"""Looks at one dependency; raises where it is not usable."""

type ReadNotes = Callable[[], Awaitable[Sequence[str]]]
"""Returns in sentences what is worth knowing of a process and keeps it from nothing."""

_CHECK_SECONDS = 1.0


async def _no_notes() -> Sequence[str]:
    return ()


class Dependency(Record):
    """One dependency's state; `error` is a word for people, never a connection string."""

    state: Literal["up", "down"]
    latency_ms: float
    error: str | None = None


class Readiness(Record):
    """Whether a process can do its work; `notes` are worth knowing, and do not make it unready."""

    status: Literal["ready", "unready"]
    process: str
    dependencies: dict[str, Dependency]
    notes: tuple[str, ...] = ()


class Health(Record):
    """The process lives."""

    status: Literal["ok"] = "ok"
    process: str


def check_postgres(pool: Pool) -> Check:
    """Return a check that runs the smallest statement."""

    async def check() -> None:
        await pool.fetchval("SELECT 1")

    return check


def check_redis(client: RedisClient) -> Check:
    """Return a check that pings."""

    async def check() -> None:
        await client.ping()

    return check


async def _look_at(check: Check, seconds: float) -> Dependency:
    """Run one check, bounded in time."""
    started = monotonic_seconds()
    error: str | None = None
    try:
        async with asyncio.timeout(seconds):
            await check()
    except Exception as failure:  # noqa: BLE001 - whatever a check raises is its answer
        error = f"{type(failure).__name__}: {failure}" if isinstance(failure, RuntimeError) else type(failure).__name__
    latency = round((monotonic_seconds() - started) * 1000, 2)
    return Dependency(state="down" if error else "up", latency_ms=latency, error=error)


async def read_readiness(
    process: str, checks: Mapping[str, Check], optional: frozenset[str], seconds: float = _CHECK_SECONDS
) -> Readiness:
    """Look at all dependencies at once; an optional one that is down is told but does not make the process unready."""
    results = await asyncio.gather(*(_look_at(check, seconds) for check in checks.values()))
    dependencies = dict(zip(checks, results, strict=True))
    is_ready = all(result.state == "up" or name in optional for name, result in dependencies.items())
    return Readiness(status="ready" if is_ready else "unready", process=process, dependencies=dependencies)


async def _read(read_notes: ReadNotes, seconds: float) -> tuple[str, ...]:
    """Return the notes, or the one that they cannot be read."""
    try:
        async with asyncio.timeout(seconds):
            return tuple(await read_notes())
    except Exception as error:  # noqa: BLE001 - whatever it is, it keeps the process from nothing
        return (f"what else there is to know cannot be read: {type(error).__name__}",)


def health_router(
    process: str,
    checks: Mapping[str, Check],
    optional: frozenset[str] = frozenset(),
    check_seconds: float = _CHECK_SECONDS,
    read_notes: ReadNotes = _no_notes,
) -> APIRouter:
    """Return the two routes of a process; a check that asks another /ready needs more than the usual second."""
    router = APIRouter(tags=["health"])

    @router.get("/health", summary="Liveness")
    async def health() -> Health:
        """Answer 200 as long as the process can answer at all."""
        return Health(process=process)

    @router.get("/ready", summary="Readiness", responses={503: {"model": Readiness}})
    async def ready(response: Response) -> Readiness:
        """Answer 200 where every dependency that the process needs is usable, else 503."""
        readiness = await read_readiness(process, checks, optional, check_seconds)
        readiness = readiness.model_copy(update={"notes": await _read(read_notes, check_seconds)})
        response.status_code = 200 if readiness.status == "ready" else 503
        return readiness

    return router


def create_health_application(
    process: str, checks: Mapping[str, Check], read_gauges: ReadGauges, read_notes: ReadNotes = _no_notes
) -> FastAPI:
    """Return the small application of a process that serves nothing else."""
    application = FastAPI(title=f"Bureau {process}", docs_url=None, redoc_url=None, openapi_url=None)
    application.include_router(health_router(process, checks, read_notes=read_notes))
    application.include_router(metrics_router(read_gauges))
    return application
