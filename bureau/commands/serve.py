"""`bureau serve`: one process of the service, from its settings to its end."""

import asyncio
import logging
import os
import signal

import structlog
import uvloop
from starlette.types import ASGIApp

from bureau.commands.settings import load_settings, require_signing_key
from bureau.errors import CommandFailedError
from bureau.request_log import with_request_log
from bureau.roles import Role
from infrastructure.log_output import configure_logging
from infrastructure.settings import Settings
from infrastructure.web.serving import serve
from projectors.collecting import collect_less

__all__ = ["run_serve"]


def run_serve(role: Role) -> None:
    """Run one process until SIGTERM or SIGINT.

    Raises WrongSettingError, and CommandFailedError where the port cannot be had.
    Any other error is a bug: it goes to the log, one line in JSON, and is raised as SystemExit.
    """
    settings = load_settings()
    if role not in {Role.RELAY, Role.PROJECTORS}:
        require_signing_key(settings)
    configure_logging(settings, role.value)
    for chatty in ("httpx2", "httpcore2", "uvicorn.error", "asyncio", "redis"):
        logging.getLogger(chatty).setLevel(logging.WARNING)  # the two lines below say the same in one line each
    try:
        uvloop.run(_run(role, settings))
    except OSError as error:
        message = f"{role}: {error}; the log above says why, and BUREAU_PORT chooses another port"
        raise CommandFailedError(message) from error
    except Exception as error:
        structlog.get_logger(__name__).exception("the process cannot go on")
        raise SystemExit(1) from error
    structlog.get_logger(__name__).info("stopped")


async def _run(role: Role, settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    match role:
        case Role.RELAY:
            from outbox_relay.main import run as run_relay

            _tell_start(settings)
            await run_relay(settings, stop)
        case Role.PROJECTORS:
            from projectors.main import run as run_projectors

            _tell_start(settings)
            await run_projectors(settings, stop)
        case Role.API | Role.COMMAND_API | Role.QUERY_API:
            application = _create_application(role, settings)
            if settings.log_level == "debug":
                application = with_request_log(application)
            collect_less()  # p99 of a command 22 -> 13 ms, a twentieth of its processor time
            _tell_start(settings)
            await serve(application, host=settings.host, port=settings.port, stop=stop)


def _tell_start(settings: Settings) -> None:
    structlog.get_logger(__name__).info("started", address=f"{settings.host}:{settings.port}", process_id=os.getpid())


def _create_application(role: Role, settings: Settings) -> ASGIApp:
    if role is Role.COMMAND_API:
        from command_api.application import create_application as create_command_application

        return create_command_application(settings)
    if role is Role.QUERY_API:
        from query_api.application import create_application as create_query_application

        return create_query_application(settings)
    from bureau.local.combined import create_combined_application

    return create_combined_application(settings)
