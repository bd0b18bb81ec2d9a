"""What a forked process runs: a role of the product with a fault point armed, or a writer of commands."""

import asyncio
import os
import sys
from collections.abc import Mapping
from random import Random
from uuid import UUID

import bureau.cli
import bureau.commands.serve
import outbox_relay.main  # the fork server loads them once, so that a process is there in some milliseconds
import projectors.main  # the same
from bureau.roles import Role
from infrastructure.postgres import Pool, is_connection_error, open_pool
from tests.faults.points import install
from tests.write_path.agents import register_agents, update_agents

__all__ = ["HOT_AGENTS", "run"]

_LOADED = (outbox_relay.main, projectors.main)
_HOT, _NEW = 12, 40
_WRITERS_IN_A_PROCESS = 3


def run(role: str, environment: Mapping[str, str], log: str) -> None:
    """Be that process until it is killed, or told to stop by SIGTERM."""
    os.environ.update(environment)
    with open(log, "ab", buffering=0) as words:  # noqa: PTH123 - a descriptor is wanted
        os.dup2(words.fileno(), sys.stdout.fileno())
        os.dup2(words.fileno(), sys.stderr.fileno())
    if role == "command":
        bureau.cli.app(environment["COMMAND"].split(), prog_name="bureau")
        return
    if role == "writer":
        asyncio.run(_write(environment))
        return
    if point := environment.get("BUREAU_FAULT_POINT"):
        install(point)
    bureau.commands.serve.run_serve(Role(role))


def _ids(seed: str, number: int) -> list[UUID]:
    return [UUID(int=Random(f"{seed}-{at}").getrandbits(128)) for at in range(number)]


HOT_AGENTS = tuple(_ids("hot", _HOT))
"""Agents that every writer changes: there commands conflict."""


async def _write(environment: Mapping[str, str]) -> None:
    """Send commands without end, each again under its key until it is answered; a new process repeats the last ones."""
    pool = await open_pool(environment["DATABASE_URL"], size=_WRITERS_IN_A_PROCESS, application_name="writer")
    name = environment["WRITER"]
    pause = float(environment["WRITER_PAUSE"])
    await asyncio.gather(*(_send(pool, f"{name}{letter}", pause) for letter in "abcdef"[:_WRITERS_IN_A_PROCESS]))


async def _send(pool: Pool, name: str, pause: float) -> None:
    await _until_answered(pool, "hot", list(HOT_AGENTS), is_new=True)
    number = await _first_number(pool, name)
    while True:
        key = f"{name}-{number}"
        randomness = Random(key)
        if number % 3:
            await _until_answered(pool, key, randomness.sample(HOT_AGENTS, randomness.randint(1, 4)), is_new=False)
        else:
            await _until_answered(pool, key, _ids(key, _NEW), is_new=True)
        number += 1
        await asyncio.sleep(pause)


async def _first_number(pool: Pool, name: str) -> int:
    """Return a number a little below the last that was answered, so that some commands are sent again."""
    while True:
        try:
            sent: int = await pool.fetchval("SELECT count(*) FROM write.receipts WHERE key LIKE $1", f"{name}-%")
        except Exception:  # noqa: BLE001 - the server is being killed
            await asyncio.sleep(0.05)
        else:
            return max(0, sent - 3)


async def _until_answered(pool: Pool, key: str, agents: list[UUID], *, is_new: bool) -> None:
    command = register_agents if is_new else update_agents
    while True:
        try:
            await command(pool, key, agents)
        except Exception as error:
            if not isinstance(error, AssertionError) and not is_connection_error(error):
                raise
            await asyncio.sleep(0.05)  # the database is away, or sixty tries in a row met others
        else:
            return
