"""Writers of a storm's bulk: commands on several agents at once, each sent under its key until it is answered."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from random import Random
from uuid import UUID

from infrastructure.postgres import Pool, is_connection_error, open_pool
from tests.faults.journal import Acknowledged, Journal, last_number, open_journal, write
from tests.write_path.agents import register_agents, update_agents

__all__ = ["HOT_AGENTS", "run_writers"]

_HOT, _NEW = 12, 40
_WRITERS_IN_A_PROCESS = 3


def _ids(seed: str, number: int) -> list[UUID]:
    return [UUID(int=Random(f"{seed}-{at}").getrandbits(128)) for at in range(number)]


HOT_AGENTS = tuple(_ids("hot", _HOT))
"""Agents that every writer changes: there commands conflict."""


async def run_writers(environment: Mapping[str, str]) -> None:
    """Send commands without end; a new process repeats the last ones of the one before it."""
    pool = await open_pool(environment["DATABASE_URL"], size=_WRITERS_IN_A_PROCESS, application_name="writer")
    slot, pause = environment["SLOT"], float(environment["WRITER_PAUSE"])
    path = Path(environment["JOURNALS"], f"{slot}.journal")
    names = [f"{slot}{letter}" for letter in "abcdef"[:_WRITERS_IN_A_PROCESS]]
    firsts = {name: max(0, last_number(path, name) - 2) for name in names}
    journal = open_journal(path)
    await asyncio.gather(*(_send_all(pool, journal, name, firsts[name], pause) for name in names))


async def _send_all(pool: Pool, journal: Journal, name: str, first: int, pause: float) -> None:
    await _until_answered(pool, "hot", list(HOT_AGENTS), is_new=True)
    number = first
    while True:
        key = f"{name}-{number}"
        randomness = Random(key)
        is_new = number % 3 == 0
        agents = _ids(key, _NEW) if is_new else randomness.sample(HOT_AGENTS, randomness.randint(1, 4))
        sent = await _until_answered(pool, key, agents, is_new=is_new)
        write(journal, Acknowledged(key, 200, "", sent, 0.0, len(agents)))
        number += 1
        await asyncio.sleep(pause)


async def _until_answered(pool: Pool, key: str, agents: list[UUID], *, is_new: bool) -> float:
    """Send until it is answered and return when the try was sent that was."""
    command = register_agents if is_new else update_agents
    while True:
        sent = time.monotonic()
        try:
            await command(pool, key, agents)
        except Exception as error:
            if not isinstance(error, AssertionError) and not is_connection_error(error):
                raise
            await asyncio.sleep(0.05)  # the database is away, or sixty tries in a row met others
        else:
            return sent
