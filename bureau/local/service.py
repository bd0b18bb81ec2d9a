"""The whole service on this machine: servers, migration, then the processes, in this order."""

import errno
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bureau.embedded import (
    POSTGRES_STOP,
    VALKEY_STOP,
    PermissionRefusedError,
    PortTakenError,
    PostgresConfig,
    ValkeyConfig,
    find_free_port,
    find_listening_error,
    postgres_address,
    start_postgres,
    start_valkey,
    valkey_address,
)
from bureau.local.directory import Runtime
from bureau.local.migration import prepare_database
from bureau.local.readiness import wait_for_processes
from bureau.roles import Role
from bureau.supervise import Supervisor, Unit, program_unit

__all__ = ["ServicePlan", "check_listening_port", "start_service"]

_PORT_ATTEMPTS = 3
_MIGRATION_WAIT_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """What to start. A server whose address is None is embedded, below `home`.

    `listen` maps each role to its (host, port); `environment` is added to every process's.
    """

    home: Path
    listen: Mapping[Role, tuple[str, int]]
    secret_key: str = field(repr=False)
    api_key: str = field(repr=False)
    shards: int
    database_url: str | None = field(default=None, repr=False)
    redis_url: str | None = field(default=None, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict)


def start_service(
    supervisor: Supervisor,
    plan: ServicePlan,
    say: Callable[[str], None],
    on_start: Callable[[Runtime], None] = lambda _: None,
) -> Runtime:
    """Start everything and return when every process is ready; `say` gets a line about each step.

    `on_start` is told what runs as soon as it does: whoever has to help it to become ready must find it.
    Raises EmbeddedServerError and CommandFailedError; what was started is the supervisor's to stop.
    """
    database_url = plan.database_url or _start_postgres(supervisor, plan.home / "postgres", say)
    redis_url = plan.redis_url or _start_valkey(supervisor, plan.home / "valkey", say)
    say("migrating the database")
    prepare_database(database_url, shards=plan.shards, api_key=plan.api_key, wait_seconds=_MIGRATION_WAIT_SECONDS)
    common = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "BUREAU_SECRET_KEY": plan.secret_key,
        "BUREAU_SHARDS": str(plan.shards),
    }
    for role, (host, port) in plan.listen.items():
        say(f"starting {role}")
        where = {"BUREAU_HOST": host, "BUREAU_PORT": str(port)}
        supervisor.start(_role_unit(role, {**common, **plan.environment, **where}))
    processes = {role.value: _address(host, port) for role, (host, port) in plan.listen.items()}
    runtime = Runtime(os.getpid(), database_url, redis_url, processes)
    on_start(runtime)
    wait_for_processes(supervisor, processes, say)
    return runtime


def check_listening_port(host: str, port: int) -> None:
    """Raise PermissionRefusedError or PortTakenError when the service could not listen there, with what to do."""
    error = find_listening_error(port, host)
    if error is None:
        return
    if error.errno in {errno.EACCES, errno.EPERM}:
        message = f"{host}:{port} is not for this user: choose a port above 1023 (`bureau up --port 8001`)"
        raise PermissionRefusedError(message)
    if error.errno == errno.EADDRINUSE:
        message = f"{host}:{port} is taken: stop what listens there, or choose another port (`bureau up --port 8001`)"
        raise PortTakenError(message)
    message = f"{host} is no address of this machine: choose one that is (`bureau up --host 127.0.0.1`)"
    raise PortTakenError(message)


def _role_unit(role: Role, environment: Mapping[str, str]) -> Unit:
    return program_unit(role.value, (sys.executable, "-m", "bureau", "serve", role.value), environment)


def _start_postgres(supervisor: Supervisor, home: Path, say: Callable[[str], None]) -> str:
    say("starting PostgreSQL" if (home / "data").exists() else "making and starting PostgreSQL")

    def start(port: int) -> str:
        config = PostgresConfig(home.resolve(), port)
        supervisor.start(Unit("postgres", lambda: start_postgres(config).process, POSTGRES_STOP))
        return postgres_address(config)

    return _with_free_port(start)


def _start_valkey(supervisor: Supervisor, home: Path, say: Callable[[str], None]) -> str:
    say("starting Valkey")

    def start(port: int) -> str:
        config = ValkeyConfig(home.resolve(), port)
        supervisor.start(Unit("valkey", lambda: start_valkey(config).process, VALKEY_STOP))
        return valkey_address(config)

    return _with_free_port(start)


def _with_free_port(start: Callable[[int], str]) -> str:
    """A port is fixed before the start, so that a restarted server has it again; one lost in between is replaced."""
    for _ in range(_PORT_ATTEMPTS - 1):
        try:
            return start(find_free_port())
        except PortTakenError:
            continue
    return start(find_free_port())


def _address(host: str, port: int) -> str:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - compared, not bound
    return f"http://{reachable}:{port}"
