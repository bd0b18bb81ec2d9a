"""Other ways to have tasks done, on the same PostgreSQL, each in a database of its own: queues, and A2A's own server.

The queues carry tasks from one process's hand to its own: no HTTP, no history, no stream, no queries. The a2a-sdk's
server speaks HTTP and keeps the task, but works on it itself. What they reach is a mark to look at, not the same work.
"""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from benchmarks.peer_environment import open_environment, run_peer
from benchmarks.processes import Addresses
from benchmarks.report import Result

__all__ = ["run_peers"]

_HERE: Final = Path(__file__).parent
_PEERS: Final = {
    "pgqueuer": "enqueue, take, finish; no HTTP, one process",
    "procrastinate": "defer, take, finish; no HTTP, one process",
    "dbos": "enqueue a durable workflow, finish it; no HTTP, one process",
    "a2a": "the a2a-sdk's server: one HTTP request a task, done inside of it; database store",
}


async def run_peers(servers: Addresses, bureau_rate: float, tasks: int) -> list[Result]:
    """Measure each, one after the other, beside Bureau's own tasks a second. Raises PeerError."""
    results = []
    async with open_environment(_HERE / "requirements.txt") as python:
        for peer, note in _PEERS.items():
            url = await _new_database(servers.database_url, peer)
            rate = await run_peer(python, _HERE / f"{peer}_tasks.py", url, str(tasks))
            ratio = bureau_rate / rate
            told = f"the floor is {peer}: {note}; the ratio, how many times as fast Bureau is"
            results.append(Result(f"a task's life beside {peer}", bureau_rate, "tasks/s", rate, ratio, told))
    return results


async def _new_database(database_url: str, peer: str) -> str:
    connection = await asyncpg.connect(database_url)
    await connection.execute(f"CREATE DATABASE peer_{peer}")
    await connection.close()
    return urlunsplit(urlsplit(database_url)._replace(path=f"/peer_{peer}"))
