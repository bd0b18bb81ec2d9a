"""The embedded Valkey: durable when asked, honest about damage and taken ports."""

from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError

from bureau.embedded import (
    DataDirectoryDamagedError,
    PortTakenError,
    ValkeyConfig,
    kill_valkey,
    start_valkey,
    stop_valkey,
)

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("end", [stop_valkey, kill_valkey], ids=["stopped", "killed"])
def test_a_durable_server_keeps_every_answered_write(server_directory: Path, end: object) -> None:
    server = start_valkey(ValkeyConfig(server_directory / "valkey"))
    with Redis.from_url(server.redis_url(3)) as connection:
        for figure in range(100):
            connection.xadd("stream", {"figure": figure})
    assert callable(end)
    end(server)
    again = start_valkey(server.config)
    with Redis.from_url(again.redis_url(3)) as connection:
        assert connection.xlen("stream") == 100
    stop_valkey(again)


def test_it_asks_for_a_password(server_directory: Path) -> None:
    server = start_valkey(ValkeyConfig(server_directory / "valkey", is_durable=False))
    with Redis(port=server.config.port) as connection, pytest.raises(AuthenticationError):
        connection.ping()
    stop_valkey(server)
    assert (server.config.home / "valkey.conf").stat().st_mode & 0o777 == 0o600


def test_a_taken_port_is_named(server_directory: Path) -> None:
    server = start_valkey(ValkeyConfig(server_directory / "first", is_durable=False))
    with pytest.raises(PortTakenError, match=f"port {server.config.port} is taken"):
        start_valkey(ValkeyConfig(server_directory / "second", server.config.port))
    stop_valkey(server)


def test_a_damaged_append_only_file_is_said_in_one_line(server_directory: Path) -> None:
    server = start_valkey(ValkeyConfig(server_directory / "valkey"))
    with Redis.from_url(server.redis_url()) as connection:
        connection.set("a", "b")
    stop_valkey(server)
    written = next((server.config.home / "data" / "appendonlydir").glob("*.incr.aof"))
    written.write_bytes(b"*3\r\n$3\r\nXXX" + written.read_bytes())
    with pytest.raises(DataDirectoryDamagedError, match="filled again from the database") as failure:
        start_valkey(server.config)
    assert "\n" not in str(failure.value)


def test_a_directory_name_with_a_space_and_a_quote_is_fine(server_directory: Path) -> None:
    server = start_valkey(ValkeyConfig(server_directory / 'my "data" here'))
    stop_valkey(server)
    assert (server.config.home / "data" / "appendonlydir").is_dir()
