"""Commands and queries on one port, for local use: one address, one documentation, two applications behind it.

GET and HEAD below /api go to the query application, every other method to the command application; a path that only the
other one knows goes there, so that it answers 405. Everything else (/docs, /health, /ready) is answered here.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from starlette.types import ASGIApp, Receive, Scope, Send

from command_api.application import create_application as create_command_application
from infrastructure.settings import Settings
from infrastructure.web.application import create_web_application
from infrastructure.web.health import Check
from query_api.application import create_application as create_query_application

__all__ = ["create_combined_application", "merge_specifications"]

_READING = frozenset({"GET", "HEAD"})


def create_combined_application(settings: Settings) -> ASGIApp:
    """Return one ASGI application that is both."""
    commands, queries = create_command_application(settings), create_query_application(settings)
    frame = _create_frame(settings, commands, queries)
    command_paths, query_paths = _path_pattern(commands), _path_pattern(queries)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await frame(scope, receive, send)
            return
        is_reading = scope["method"] in _READING
        first, second = (query_paths, command_paths) if is_reading else (command_paths, query_paths)
        is_elsewhere = not first.fullmatch(scope["path"]) and second.fullmatch(scope["path"]) is not None
        target = queries if is_reading is not is_elsewhere else commands
        await target(scope, receive, send)

    return application


def merge_specifications(commands: Mapping[str, Any], queries: Mapping[str, Any]) -> dict[str, Any]:
    """Return one OpenAPI document; what both describe under one name is the same record."""
    specifications = (queries, commands)
    paths: dict[str, dict[str, Any]] = {}
    components: dict[str, dict[str, Any]] = {}
    for specification in specifications:
        for path, operations in specification.get("paths", {}).items():
            paths[path] = {**paths.get(path, {}), **operations}
        for kind, definitions in specification.get("components", {}).items():
            components[kind] = {**components.get(kind, {}), **definitions}
    information = {"title": "Bureau", "version": commands["info"]["version"], "description": _DESCRIPTION}
    whole = {"openapi": commands["openapi"], "info": information, "paths": dict(sorted(paths.items()))}
    tags = [{"name": name, "description": description} for name, description in _TAGS.items()]
    return whole | {"components": components, "tags": tags}


_DESCRIPTION = """The system of record and control plane for autonomous agents: commands and queries on one address.

**Authorize** takes an API key: `make up` keeps one in `.bureau/api_key`. Every command accepts an `Idempotency-Key` and
answers with a consistency token; send it as `Bureau-Consistency` with a query to read what was just written.
An error that says `retryable` may succeed when the same is sent again, as 409 `version_conflict`: others kept changing
the same task, agent or budget.
"""
# In the order in which a newcomer meets them.
_TAGS = {
    "agents": "Who does tasks: a name, a card that says what it can do, a policy for its leases.",
    "tasks": "What is to be done, and what came of it.",
    "contexts": "What belongs together: how its tasks stand, and an end to all of them.",
    "approvals": "Operations that workers may not do before people agree.",
    "budgets": "How much work may cost, and letting it go on where it was stopped.",
    "usage": "What work cost.",
    "workers": "For whoever does tasks: lease, keep alive, report, end. The lease's token goes into `Lease-Token`.",
    "dead letters": "Events that a read model could not take; for the roles operator and admin.",
    "health": "For probes.",
}


def _create_frame(settings: Settings, commands: FastAPI, queries: FastAPI) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_application: FastAPI) -> AsyncIterator[None]:
        async with commands.router.lifespan_context(commands), queries.router.lifespan_context(queries):
            yield

    frame = create_web_application(
        title="Bureau",
        description=_DESCRIPTION,
        process="api",
        settings=settings,
        lifespan=lifespan,
        checks={name: _check_dependency(name, (commands, queries)) for name in ("postgresql", "redis")},
        optional=frozenset({"redis"}),
        routers=(),
        check_seconds=2.0,
    )
    # FastAPI's documented way to give an application another document.
    frame.openapi = lambda: merge_specifications(commands.openapi(), queries.openapi())  # type: ignore[method-assign] # see above
    return frame


def _check_dependency(name: str, applications: Sequence[FastAPI]) -> Check:
    """Return a check that every application behind this one has the dependency."""

    async def check() -> None:
        # At once: each takes as long as its slowest dependency, and together they have two seconds.
        found = await asyncio.gather(*(_read_dependency(name, application) for application in applications))
        for application, dependency in zip(applications, found, strict=True):
            if dependency is None or dependency["state"] == "down":
                message = f"{application.title}: {dependency['error'] if dependency else 'not open yet'}"
                raise RuntimeError(message)

    return check


async def _read_dependency(name: str, application: FastAPI) -> dict[str, Any] | None:
    async with AsyncClient(transport=ASGITransport(application), base_url="http://api") as client:
        dependencies: dict[str, dict[str, Any]] = (await client.get("/ready")).json()["dependencies"]
    return dependencies.get(name)


def _path_pattern(application: FastAPI) -> re.Pattern[str]:
    paths = application.openapi()["paths"]
    return re.compile("|".join(re.sub(r"\\\{[^/]*\\\}", _segment, re.escape(path)) for path in paths))


def _segment(parameter: re.Match[str]) -> str:
    """Return the pattern of a part of a path; the id of a context may hold slashes."""
    return ".+" if "context_id" in parameter[0] else "[^/]+"
