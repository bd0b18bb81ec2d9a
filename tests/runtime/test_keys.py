"""`bureau keys` against a real database, and what its keys may do."""

import json
import subprocess
from urllib.parse import urlsplit

import pytest

from bureau.embedded import find_free_port
from infrastructure.api_keys import cached_authenticate
from infrastructure.postgres import open_pool
from tests.runtime.command_line import bureau


def keys(database_url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return bureau("keys", *arguments, "--directory", "/nonexistent", environment={"DATABASE_URL": database_url})


async def workspace_of(database_url: str, api_key: str) -> str | None:
    pool = await open_pool(database_url, size=1, application_name="keys test")
    try:
        principal = await cached_authenticate(pool)(api_key)
    finally:
        await pool.close()
    return None if principal is None else principal.workspace_id


async def is_valid(database_url: str, api_key: str) -> frozenset[str] | None:
    pool = await open_pool(database_url, size=1, application_name="keys test")
    try:
        principal = await cached_authenticate(pool)(api_key)
    finally:
        await pool.close()
    return None if principal is None else principal.roles


async def test_a_key_is_printed_once_listed_without_its_secret_and_revoked(database_url: str) -> None:
    made = keys(database_url, "create", "--name", "ada", "--role", "operator", "--role", "finance", "--role", "finance")
    assert made.returncode == 0, made.stderr
    (api_key,) = made.stdout.splitlines()
    assert api_key not in made.stderr
    assert await is_valid(database_url, api_key) == frozenset({"operator", "finance"})
    listed = keys(database_url, "list", "--json")
    key_id = api_key.split("_")[1]
    assert json.loads(listed.stdout) == {"keys": [{"key_id": key_id, "name": "ada", "roles": ["finance", "operator"]}]}
    shown = keys(database_url, "list")
    assert key_id in shown.stdout
    assert api_key.split("_")[2] not in shown.stdout + listed.stdout
    assert keys(database_url, "revoke", key_id).returncode == 0
    assert await is_valid(database_url, api_key) is None
    assert json.loads(keys(database_url, "list", "--json").stdout) == {"keys": []}
    again = keys(database_url, "revoke", key_id)
    assert (again.returncode, len(again.stderr.splitlines())) == (1, 1)


async def test_a_made_key_comes_as_json_too(database_url: str) -> None:
    made = json.loads(keys(database_url, "create", "--name", "worker", "--json").stdout)
    assert made.keys() == {"key_id", "workspace_id", "name", "roles", "api_key"}
    assert await is_valid(database_url, made["api_key"]) == frozenset()


async def test_a_key_opens_the_workspace_that_it_was_made_for(database_url: str) -> None:
    made = keys(database_url, "create", "--name", "ada", "--workspace", "research")
    assert await workspace_of(database_url, made.stdout.strip()) == "research"
    listed = [
        json.loads(keys(database_url, "list", "--json", *more).stdout)["keys"]
        for more in ((), ("--workspace", "research"))
    ]
    assert [[key["name"] for key in found] for found in listed] == [[], ["ada"]]


@pytest.mark.parametrize(
    "arguments",
    [("--name", ""), ("--name", "ada", "--role", "Not a role"), ("--name", "ada", "--workspace", "not one")],
)
async def test_a_name_or_role_that_no_rule_could_name_is_refused(database_url: str, arguments: tuple[str, ...]) -> None:
    refused = keys(database_url, "create", *arguments)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "cannot be a" in refused.stderr
    assert json.loads(keys(database_url, "list", "--json").stdout) == {"keys": []}


def test_a_database_out_of_reach_is_one_line_without_a_password() -> None:
    port = find_free_port()
    url = f"postgresql://me:secret@127.0.0.1:{port}/bureau"
    refused = keys(url, "list")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"bureau: cannot use the keys in the database at 127.0.0.1:{urlsplit(url).port}")
    assert len(refused.stderr.splitlines()) == 1
    assert "secret" not in refused.stderr


@pytest.mark.parametrize("command", ["create", "list", "revoke"])
def test_each_command_has_examples_and_exit_codes(command: str) -> None:
    told = bureau("keys", command, "--help")
    assert told.returncode == 0
    assert f"bureau keys {command}" in told.stdout
    assert "Exit codes: 0" in told.stdout
