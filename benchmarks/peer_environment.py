"""An environment for the packages that Bureau is measured beside: made for one run, thrown away after it."""

import asyncio
import subprocess
import sys
import tempfile
import venv
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console

from benchmarks.report import Result

__all__ = ["PeerError", "beside_peers", "open_environment", "run_peer"]


class PeerError(Exception):
    """A peer could not be installed or measured; the message says which, and what it said last."""


async def beside_peers(results: Sequence[Result], measuring: Awaitable[Sequence[Result]]) -> list[Result]:
    """Return the results with those of peers; where these cannot be had, say why on standard error and do without."""
    try:
        return [*results, *await measuring]
    except PeerError as error:
        Console(stderr=True).print(f"nothing beside the peers: {error}", highlight=False, markup=False)
        return list(results)


@asynccontextmanager
async def open_environment(requirements: Path) -> AsyncIterator[Path]:
    """Yield the interpreter of a new environment that holds what a requirements file pins. Raises PeerError."""
    with tempfile.TemporaryDirectory(prefix="bureau-peers-", ignore_cleanup_errors=True) as directory:
        console = Console(stderr=True)
        with console.status(f"installing what {requirements.parent.name}/{requirements.name} pins"):
            python = await asyncio.to_thread(_make, Path(directory), requirements)
        yield python


def _make(directory: Path, requirements: Path) -> Path:
    venv.create(directory, with_pip=True)
    python = directory / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    words = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)]
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    if told.returncode:
        message = f"the peers' environment could not be made (is there a network?): {_last_line(told.stderr)}"
        raise PeerError(message)
    return python


async def run_peer(python: Path, script: Path, *words: str, seconds: float = 600) -> float:
    """Run a peer's script and return the figure that it prints last. Raises PeerError."""
    process = await asyncio.create_subprocess_exec(
        python, script, *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        async with asyncio.timeout(seconds):
            told, complaints = await process.communicate()
    except TimeoutError:
        process.kill()
        message = f"{script.stem} did not end within {seconds:.0f} s"
        raise PeerError(message) from None
    if process.returncode:
        message = f"{script.stem} could not be measured: {_last_line(complaints.decode(errors='replace'))}"
        raise PeerError(message)
    return float(told.split()[-1])


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1][:300]
