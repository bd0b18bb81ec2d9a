"""PostgreSQL as a child process: made when its directory is empty, started, stopped, killed, started again.

Layout of a server's home: `data/`, `password` (0600), `server.log`, and `programs/` when they had to be copied.
Always durable (fsync, synchronous_commit), unless `is_fast` says that only this process's lifetime counts.
"""

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bureau.embedded.binaries import reachable_postgres_programs
from bureau.embedded.credentials import load_or_make_secret
from bureau.embedded.errors import (
    DataDirectoryDamagedError,
    PermissionRefusedError,
    PortTakenError,
    ServerFailedError,
)
from bureau.embedded.identity import Identity, IdentityKind, can_reach, choose_identity, give_ownership
from bureau.embedded.ports import claim_port
from bureau.embedded.postgres_failures import explain_failure, is_transient_failure
from bureau.embedded.process import end_process, launcher_command, start_process, wait_until_ready
from bureau.embedded.stale_lock import clear_stale_lock

__all__ = [
    "POSTGRES_STOP",
    "PostgresConfig",
    "PostgresServer",
    "kill_postgres",
    "postgres_address",
    "start_postgres",
    "stop_postgres",
]

_ROLE = "bureau"
POSTGRES_STOP = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0))
_ESSENTIAL = ("base", "global/pg_control", "pg_wal", "pg_xact")
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_FAST = {"fsync": "off", "full_page_writes": "off", "checkpoint_timeout": "30min", "autovacuum_naptime": "5min"}


@dataclass(frozen=True, slots=True)
class PostgresConfig:
    """How one server is started. `home` is its own directory; port 0 takes a free one below 32768."""

    home: Path
    port: int = 0
    is_fast: bool = False
    allow_namespace: bool = True
    timeout_seconds: float = 60.0
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server; `config.port` is the port that it listens on."""

    config: PostgresConfig
    process: "subprocess.Popen[bytes]"

    def database_url(self, database: str = "bureau") -> str:
        """Address of one database: postgresql://user:password@host:port/database."""
        return postgres_address(self.config, database)


@dataclass(frozen=True, slots=True)
class _Installation:
    programs: Path
    identity: Identity
    home: Path

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "server.log"


def postgres_address(config: PostgresConfig, database: str = "bureau") -> str:
    """Return the address that a server with this configuration (and a fixed port) has, now or once it runs."""
    password = load_or_make_secret(config.home / "password")
    return f"postgresql://{_ROLE}:{password}@127.0.0.1:{config.port}/{database}"


def start_postgres(config: PostgresConfig) -> PostgresServer:
    """Start the server, after making its data directory if there is none, and wait until it accepts connections.

    Raises EmbeddedServerError. A port chosen here (0) that is lost to another process is chosen again.
    """
    resolved = replace(config, home=config.home.resolve())
    try:
        installation = _prepare(resolved)
        load_or_make_secret(resolved.home / "password")
        if not installation.data.exists():
            _make_data_directory(installation, is_fast=resolved.is_fast)
        give_ownership(installation.identity, installation.data)
    except PermissionError as error:
        message = f"no permission for {error.filename}: give it to this user, or choose another directory"
        raise PermissionRefusedError(message) from error
    try:
        return _start(installation, resolved)
    except PortTakenError:
        if config.port != 0:
            raise
        return _start(installation, resolved)


def stop_postgres(server: PostgresServer) -> None:
    """Stop in an orderly way: open transactions are rolled back, a checkpoint is written; bounded to 15 seconds."""
    end_process(server.process, POSTGRES_STOP)


def kill_postgres(server: PostgresServer) -> None:
    """SIGKILL, as a crash does it; the next start recovers."""
    end_process(server.process, ((signal.SIGKILL, 5.0),))


def _prepare(config: PostgresConfig) -> _Installation:
    identity = choose_identity(allow_namespace=config.allow_namespace)
    config.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if identity.kind is IdentityKind.USER:
        config.home.chmod(0o711)
    if not can_reach(identity, config.home / "data"):
        message = (
            f"PostgreSQL must run as user {identity.name}, who cannot reach {config.home}: "
            "use a directory that everyone may pass through, or run `bureau` as an ordinary user"
        )
        raise PermissionRefusedError(message)
    programs = reachable_postgres_programs(identity, config.home / "programs")
    installation = _Installation(programs, identity, config.home)
    _check_data_directory(installation.data)
    return installation


def _check_data_directory(data: Path) -> None:
    if not data.exists():
        return
    if not (data / "PG_VERSION").is_file():
        message = f"{data} is not a PostgreSQL data directory: move it away to start with an empty one"
        raise DataDirectoryDamagedError(message)
    missing = [name for name in _ESSENTIAL if not (data / name).exists()]
    if missing:
        message = f"{data} lacks {missing[0]}: restore a backup, or move it away to start with an empty one"
        raise DataDirectoryDamagedError(message)


def _make_data_directory(installation: _Installation, *, is_fast: bool) -> None:
    unfinished = installation.home / "data.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    password_file = unfinished.with_name("password.new")
    shutil.copyfile(installation.home / "password", password_file)
    password_file.chmod(0o600)
    give_ownership(installation.identity, unfinished)
    give_ownership(installation.identity, password_file)
    options = ("--no-sync",) if is_fast else ()
    try:
        _run(installation, "initdb", "--pgdata", str(unfinished), "--pwfile", str(password_file), *_INITDB, *options)
    finally:
        password_file.unlink(missing_ok=True)
    create = f"CREATE DATABASE {_ROLE};\n".encode()
    _run(installation, "postgres", "--single", "-D", str(unfinished), "postgres", words=create)
    unfinished.replace(installation.data)


_INITDB = (
    f"--username={_ROLE}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--no-instructions",
)


def _run(installation: _Installation, program: str, *arguments: str, words: bytes = b"") -> None:
    command = launcher_command(
        (str(installation.programs / program), *arguments), options=installation.identity.launcher_options
    )
    result = subprocess.run(command, input=words, capture_output=True, check=False, cwd="/", env=_environment())
    if result.returncode == 0:
        return
    last_words = (result.stderr or result.stdout).decode(errors="replace").strip().splitlines()
    message = f"{program} failed: {last_words[-1] if last_words else f'exit code {result.returncode}'}"
    raise ServerFailedError(message)


def _start(installation: _Installation, config: PostgresConfig) -> PostgresServer:
    deadline = time.monotonic() + config.timeout_seconds
    port = claim_port(config.port, "PostgreSQL")
    is_ready = partial(_is_ready, installation.data / "postmaster.pid")
    while True:
        clear_stale_lock(installation.data)
        log_start = installation.log.stat().st_size if installation.log.exists() else 0
        process = start_process(_server_command(installation, config, port), installation.log)
        if wait_until_ready(process, is_ready, "PostgreSQL", config.timeout_seconds):
            return PostgresServer(replace(config, port=port), process)
        end_process(process, ())
        words = installation.log.read_bytes()[log_start:].decode(errors="replace")
        if not is_transient_failure(words) or time.monotonic() > deadline:
            raise explain_failure(words, installation.data, port, installation.log)
        time.sleep(0.1)


def _server_command(installation: _Installation, config: PostgresConfig, port: int) -> tuple[str, ...]:
    settings = _SETTINGS | (_FAST if config.is_fast else _DURABLE) | dict(config.settings) | {"port": str(port)}
    assignments = (part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
    program = (str(installation.programs / "postgres"), "-D", str(installation.data), *assignments)
    return launcher_command(program, signal.SIGQUIT, installation.identity.launcher_options)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}


def _is_ready(status: Path) -> bool:
    """The last line that the postmaster writes to its lock file says when it accepts connections."""
    try:
        return status.read_text(encoding="utf-8", errors="replace").split()[-1:] == ["ready"]
    except OSError:
        return False
