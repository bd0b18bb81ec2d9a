"""The frame of an HTTP application: ids, limits, errors, health, documentation; the same for commands and queries."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from infrastructure.settings import Settings
from infrastructure.web.errors import ErrorResponse, install_error_handlers
from infrastructure.web.health import Check, health_router
from infrastructure.web.middleware import request_edge
from infrastructure.web.time_limit import time_limit

__all__ = ["API_PREFIX", "create_web_application", "documented_errors"]

API_PREFIX = "/api/v1"

type Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
"""Opens what an application needs and closes it again."""

type Shorten = Callable[[FastAPI, ASGIApp], ASGIApp]
"""Wraps an application's framework."""


_ERRORS: Final = {
    400: "400 `malformed_json` or `invalid_header`.",
    401: "401 `unauthenticated`: the API key is missing, wrong or revoked.",
    403: "The key may not do it; `code` says why.",
    404: "What the path or the body names is not there; `code` says what, such as `task_not_found`.",
    409: "Its state does not allow it; `code` says why. Only 409 `version_conflict` is retryable.",
    410: "410 `consistency_epoch_lost`: the token is of what was lost when the database was restored.",
    413: "413 `body_too_large`.",
    415: "415 `unsupported_media_type`: the body is not application/json, or compressed.",
    422: "422 `invalid_request`, or a code that says more; `details` names the places.",
    503: "503 `unavailable`, or `stale` where a query was to be strict; retryable.",
}


def documented_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI's `responses` for statuses that answer with the one error shape."""
    return {status: {"model": ErrorResponse, "description": _ERRORS[status]} for status in statuses}


class _EdgedApplication(FastAPI):
    """A FastAPI application with the request edge outermost, so that it also covers the framework's own answers."""

    edge: ASGIApp | None = None

    def openapi(self) -> dict[str, Any]:
        """Return the document, which says that every path below /api needs an API key."""
        document = super().openapi()
        document["components"].setdefault("securitySchemes", {})["apiKey"] = {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key: `Authorization: Bearer bureau_…`.",
        }
        for path, operations in document["paths"].items():
            for operation in operations.values():
                operation["security"] = [{"apiKey": []}] if path.startswith(API_PREFIX) else []
        return document

    def build_middleware_stack(self) -> ASGIApp:
        """Return the stack without Starlette's outermost layer: it would answer bugs in plain text, before the edge."""
        stack = super().build_middleware_stack()
        return stack.app if isinstance(stack, ServerErrorMiddleware) else stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if self.edge is None:
            await super().__call__(scope, receive, send)
            return
        await self.edge(scope, receive, send)


def create_web_application(  # noqa: PLR0913 - named parts of one frame
    *,
    title: str,
    description: str,
    process: str,
    settings: Settings,
    lifespan: Lifespan,
    checks: Mapping[str, Check],
    routers: Sequence[APIRouter],
    optional: frozenset[str] = frozenset(),
    check_seconds: float = 1.0,
    shorten: Shorten = lambda _application, framework: framework,
) -> FastAPI:
    """Return an application with our frame; the routers are mounted below /api/v1.

    `checks` may be filled while the lifespan starts. Documentation is hidden in production. `shorten` may answer
    requests before the framework sees them, inside the edge and the time limit.
    """
    is_open = settings.environment == "development"
    application = _EdgedApplication(
        title=title,
        description=description,
        version="1",
        lifespan=lifespan,
        docs_url="/docs" if is_open else None,
        redoc_url="/redoc" if is_open else None,
        openapi_url="/openapi.json" if is_open else None,
        separate_input_output_schemas=False,
        # Generated clients name their calls so: a route's function, whatever becomes of its path.
        generate_unique_id_function=lambda route: route.name,
        redirect_slashes=False,
    )
    install_error_handlers(application)
    application.include_router(health_router(process, checks, optional, check_seconds))
    for router in routers:
        application.include_router(router, prefix=API_PREFIX)
    framework = shorten(application, super(_EdgedApplication, application).__call__)
    limited = time_limit(framework, seconds=settings.request_seconds)
    application.edge = request_edge(limited, max_body_bytes=settings.max_body_bytes)
    return application
