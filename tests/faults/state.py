"""One storm: its servers and processes, what was done to them, and what was lost by putting a backup back."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random

from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient
from tests.faults.away import AWAY
from tests.faults.crew import Crew
from tests.faults.journal import Lost
from tests.faults.watch import Progress
from tests.polling import poll_until
from tests.private_servers import PrivatePostgres, PrivateValkey

__all__ = ["PATIENCE_SECONDS", "Storm", "reconnect"]

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Storm:
    """The servers and processes of one run, and what has been done to them until now."""

    crew: Crew
    postgres: PrivatePostgres
    valkey: PrivateValkey
    pool: Pool
    redis: RedisClient
    randomness: Random
    directory: Path
    is_full: bool = False
    """With what takes longer: a backup put back, and rebuilds; and everything has to happen once at least."""
    done: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """How long the looks took, and the copies of databases: both are spaced by that."""
    losses: list[Lost] = field(default_factory=list)
    rebuilding: list[ForkServerProcess] = field(default_factory=list)
    progress: Progress = field(default_factory=Progress)


async def reconnect(storm: Storm) -> None:
    """Wait until both servers answer again, over connections that none of the strikes has cut."""
    await storm.pool.expire_connections()
    await storm.redis.connection_pool.disconnect()

    async def answer() -> bool:
        try:
            return bool(await storm.pool.fetchval("SELECT true") and await storm.redis.ping())
        except AWAY:
            return False

    await poll_until(answer, timeout=PATIENCE_SECONDS, what="both servers answer again")
