"""The whole service, and every command, as a role that owns its database and nothing else: as on managed PostgreSQL."""

import json
from pathlib import Path

import pytest

from tests.private_servers import PrivatePostgres, PrivateValkey
from tests.runtime.command_line import bureau, starting_up
from tests.servers import execute, with_database

pytestmark = [pytest.mark.faults, pytest.mark.slow]

_ROLE = (
    "CREATE ROLE plain LOGIN PASSWORD 'plain' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS",
    "CREATE DATABASE plain OWNER plain",
)
_SILENT = (
    "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC",
    "REVOKE EXECUTE ON FUNCTION pg_walfile_name(pg_lsn) FROM PUBLIC",
)


@pytest.fixture(params=["tells its cluster", "does not"])
def plain_url(private_postgres: PrivatePostgres, request: pytest.FixtureRequest) -> str:
    """The address of an empty database for a role without any privilege but that of its owner."""
    url = private_postgres.database_url
    execute(url, *_ROLE)
    if request.param == "does not":
        execute(with_database(url, "plain"), *_SILENT)
    start, _, place = url.partition("://")
    return f"{start}://plain:plain@{place.rpartition('@')[2].rpartition('/')[0]}/plain"


_COMMANDS = (
    ("readers", "register", "index"),
    ("status", "--patience", "20"),
    ("verify", "--deep"),
    ("streams", "check"),
    ("streams", "refill", "3", "--yes"),
    ("archive", "list"),
    ("archive", "restore"),
    ("dead-letters", "list"),
    ("rebuild", "tasks", "--drop-old"),
    ("epoch", "show", "--json"),
    ("epoch", "bump", "--yes"),
    ("readers", "remove", "index", "--with-group"),
    ("keys", "create", "--name", "ada", "--role", "operator"),
    ("migrate",),
    ("verify", "--deep", "--patience", "20"),
)


def test_everything_works_for_the_owner_of_its_database_alone(
    plain_url: str, private_valkey: PrivateValkey, server_directory: Path
) -> None:
    servers = {"DATABASE_URL": plain_url, "REDIS_URL": private_valkey.redis_url}
    directory = server_directory / ".bureau"
    with starting_up(directory, environment=servers) as (_, processes):
        key = (directory / "api_key").read_text(encoding="utf-8").strip()
        demo = bureau("demo", "--url", processes["api"], environment=servers | {"BUREAU_API_KEY": key})
        assert demo.returncode == 0, demo.stderr
        for command in _COMMANDS:
            done = bureau(*command, environment=servers)
            assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
            assert "--json" not in command or json.loads(done.stdout), "data alone is on standard output"
