"""Other task queues on the same PostgreSQL, each in a database of its own and in an environment made for them all.

They only carry tasks from one process's hand to its own: no HTTP, no history, no stream, no queries. What they reach is
a mark to look at, not the same work.
"""

import asyncio
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from benchmarks.processes import Addresses
from benchmarks.report import Result

__all__ = ["run_peers"]

_HERE: Final = Path(__file__).parent
_PEERS: Final = ("pgqueuer", "procrastinate")


async def run_peers(servers: Addresses, tasks: int) -> list[Result]:
    """Measure each, one after the other; the environment is thrown away in the end."""
    with tempfile.TemporaryDirectory(prefix="bureau-peers-") as directory:
        python = await asyncio.to_thread(_make_environment, Path(directory))
        return [await _measure(python, peer, servers.database_url, tasks) for peer in _PEERS]


def _make_environment(directory: Path) -> Path:
    """Install what the peers need, at the versions that requirements.txt says, and return the interpreter."""
    venv.create(directory, with_pip=True)
    python = directory / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", _HERE / "requirements.txt"], check=True)
    return python


async def _measure(python: Path, peer: str, database_url: str, tasks: int) -> Result:
    """Run one in a new database and return the rate that it prints."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(f"CREATE DATABASE peer_{peer}")
    await connection.close()
    url = urlunsplit(urlsplit(database_url)._replace(path=f"/peer_{peer}"))
    words = [str(python), str(_HERE / f"{peer}_tasks.py"), url, str(tasks)]
    process = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    told, _ = await process.communicate()
    assert process.returncode == 0, f"{peer} could not be measured"
    return Result(f"{peer}: enqueue, take, finish", float(told.split()[-1]), "tasks/s", note="no HTTP, one process")
