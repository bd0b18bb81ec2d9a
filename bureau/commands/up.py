"""`bureau up`: the whole service on this machine, until it is stopped."""

import os
import signal
import time
from functools import partial
from pathlib import Path

from bureau.cli.output import line_sink, print_json, say, words_console
from bureau.commands.settings import load_settings, require_signing_key
from bureau.embedded import find_free_port
from bureau.local import (
    LocalDirectory,
    Runtime,
    ServicePlan,
    check_listening_port,
    hold_directory,
    start_service,
    write_runtime,
)
from bureau.roles import Role
from bureau.supervise import open_supervisor
from infrastructure.settings import Settings

__all__ = ["run_up"]

_PARENT_POLL_SECONDS = 0.25


def run_up(directory: Path, host: str | None, port: int | None, *, is_json: bool) -> None:
    """Run the service until StopRequestedError, or until the process that started this one is gone.

    Raises EmbeddedServerError and CommandFailedError; nothing is left running.
    """
    settings = load_settings()
    if settings.secret_key.get_secret_value():  # without one the directory's own is taken
        require_signing_key(settings)
    address = (host or settings.host, port or settings.port)
    check_listening_port(*address)
    console = words_console()
    tell = say(console)
    with hold_directory(directory) as held, open_supervisor(line_sink(console), tell) as supervisor:
        plan = _plan(held, settings, address, is_readable=console.is_terminal)
        runtime = start_service(supervisor, plan, tell, partial(write_runtime, held.path))
        for line in _announcement(held, runtime, settings, is_readable=console.is_terminal):
            tell(line)
        if is_json:
            print_json(_ready_document(held, runtime))
        _wait_for_stop()
        tell("the parent process is gone: stopping")


def _plan(held: LocalDirectory, settings: Settings, address: tuple[str, int], *, is_readable: bool) -> ServicePlan:
    given = settings.model_fields_set
    health = {role: ("127.0.0.1", find_free_port()) for role in (Role.RELAY, Role.PROJECTORS)}
    return ServicePlan(
        home=held.path,
        listen={Role.API: address, **health},
        secret_key=settings.secret_key.get_secret_value() or held.secret_key,
        api_key=settings.bootstrap_api_key.get_secret_value() or held.api_key,
        shards=settings.shards,
        database_url=settings.database_url.get_secret_value() if "database_url" in given else None,
        redis_url=settings.redis_url.get_secret_value() if "redis_url" in given else None,
        environment={"BUREAU_LOG_FORMAT": "console" if is_readable else "json"},
    )


def _announcement(held: LocalDirectory, runtime: Runtime, settings: Settings, *, is_readable: bool) -> tuple[str, ...]:
    """The key itself is shown once, to a person; a log never holds it."""
    api = runtime.processes[Role.API.value]
    key = (
        f"API key:       {held.api_key}"
        if held.is_new_key and is_readable
        else f"API key:       cat {held.path}/api_key"
    )
    if settings.bootstrap_api_key.get_secret_value():
        key = "API key:       the one in BUREAU_API_KEY"
    documentation = f"Documentation: {api}/docs" if settings.environment == "development" else "Documentation: off"
    return ("ready", f"API:           {api}/api/v1", documentation, key, f"Data:          {held.path}/ (Ctrl-C stops)")


def _ready_document(held: LocalDirectory, runtime: Runtime) -> dict[str, object]:
    api = runtime.processes[Role.API.value]
    return {
        "api": f"{api}/api/v1",
        "documentation": f"{api}/docs",
        "api_key_file": str((held.path / "api_key").resolve()),
        "directory": str(held.path.resolve()),
        "processes": runtime.processes,
    }


def _wait_for_stop() -> None:
    """Return when the process that started this one is gone, unless hang-ups are ignored (nohup)."""
    parent = os.getppid()
    while True:
        time.sleep(_PARENT_POLL_SECONDS)
        is_detached = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        if os.getppid() != parent and not is_detached:
            return
