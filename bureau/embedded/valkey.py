"""Valkey as a child process: durable (append-only file) or in memory only.

Layout of a server's home: `data/`, `password` and `valkey.conf` (0600), `server.log`. The password is in the file and
never on the command line, so it appears in no process list.
"""

import json
import signal
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from bureau.embedded.binaries import find_valkey_program
from bureau.embedded.credentials import load_or_make_secret
from bureau.embedded.errors import (
    DataDirectoryDamagedError,
    EmbeddedServerError,
    PermissionRefusedError,
    PortTakenError,
    ServerFailedError,
)
from bureau.embedded.ports import claim_port
from bureau.embedded.process import end_process, launcher_command, start_process, wait_until_ready

__all__ = [
    "VALKEY_STOP",
    "ValkeyConfig",
    "ValkeyServer",
    "kill_valkey",
    "start_valkey",
    "stop_valkey",
    "valkey_address",
]

VALKEY_STOP = ((signal.SIGTERM, 10.0),)
_DAMAGE = ("Bad file format", "Unexpected end of file", "AOF", "append only file", "RDB")


@dataclass(frozen=True, slots=True)
class ValkeyConfig:
    """How one server is started. `home` is its own directory; port 0 takes a free one below 32768."""

    home: Path
    port: int = 0
    is_durable: bool = True
    timeout_seconds: float = 30.0
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ValkeyServer:
    """A running server; `config.port` is the port that it listens on."""

    config: ValkeyConfig
    process: "subprocess.Popen[bytes]"

    def redis_url(self, database: int = 0) -> str:
        """Address of one logical database (0 to 63): redis://:password@host:port/database."""
        return valkey_address(self.config, database)


def valkey_address(config: ValkeyConfig, database: int = 0) -> str:
    """Return the address that a server with this configuration (and a fixed port) has, now or once it runs."""
    return f"redis://:{load_or_make_secret(config.home / 'password')}@127.0.0.1:{config.port}/{database}"


def start_valkey(config: ValkeyConfig) -> ValkeyServer:
    """Start the server and wait until it has loaded its data and answers.

    Raises EmbeddedServerError. A port chosen here (0) that is lost to another process is chosen again.
    """
    resolved = replace(config, home=config.home.resolve())
    try:
        resolved.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (resolved.home / "data").mkdir(mode=0o700, exist_ok=True)
        password = load_or_make_secret(resolved.home / "password")
        return _start(resolved, password)
    except PermissionError as error:
        message = f"no permission for {error.filename}: give it to this user, or choose another directory"
        raise PermissionRefusedError(message) from error
    except PortTakenError:
        if config.port != 0:
            raise
        return _start(resolved, load_or_make_secret(resolved.home / "password"))


def stop_valkey(server: ValkeyServer) -> None:
    """Stop in an orderly way: the append-only file is flushed; bounded to 10 seconds."""
    end_process(server.process, VALKEY_STOP)


def kill_valkey(server: ValkeyServer) -> None:
    """SIGKILL, as a crash does it; a durable server finds every answered write again."""
    end_process(server.process, ((signal.SIGKILL, 5.0),))


def _start(config: ValkeyConfig, password: str) -> ValkeyServer:
    port = claim_port(config.port, "Valkey")
    log = config.home / "server.log"
    log_start = log.stat().st_size if log.exists() else 0
    settings = config.home / "valkey.conf"
    settings.touch(mode=0o600)
    settings.write_text(_configuration(config, port, password), encoding="utf-8")
    process = start_process(launcher_command((str(find_valkey_program()), str(settings))), log)
    if wait_until_ready(process, lambda: _is_ready(port, password), "Valkey", config.timeout_seconds):
        return ValkeyServer(replace(config, port=port), process)
    end_process(process, ())
    raise _explain_failure(log.read_bytes()[log_start:].decode(errors="replace"), config, port)


def _configuration(config: ValkeyConfig, port: int, password: str) -> str:
    settings = {
        "bind": "127.0.0.1",
        "port": str(port),
        "requirepass": password,
        "dir": json.dumps(str(config.home / "data"), ensure_ascii=False),
        "databases": "64",
        "save": '""',
        "appendonly": "yes" if config.is_durable else "no",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "logfile": '""',
    } | dict(config.settings)
    return "".join(f"{name} {value}\n" for name, value in settings.items())


def _is_ready(port: int, password: str) -> bool:
    """PING answers +PONG once the data is loaded; before that, an error."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
        connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
        connection.shutdown(socket.SHUT_WR)
        return b"+PONG" in b"".join(iter(lambda: connection.recv(1024), b""))
    return False


def _explain_failure(words: str, config: ValkeyConfig, port: int) -> EmbeddedServerError:
    lines = [line.strip() for line in words.splitlines() if " # " in line]
    reason = (lines or ["it said nothing"])[-1].rpartition(" # ")[2]
    data = config.home / "data"
    if "already in use" in words:
        return PortTakenError(f"port {port} is taken: stop what listens there, or choose another port for Valkey")
    if "Permission denied" in words:
        return PermissionRefusedError(f"Valkey has no permission ({reason}): give this user {data}")
    if any(sign in words for sign in _DAMAGE):
        return DataDirectoryDamagedError(
            f"Valkey cannot use {data} ({reason}): move it away, its streams are filled again from the database"
        )
    return ServerFailedError(f"Valkey did not start ({reason}): its log is {config.home / 'server.log'}")
