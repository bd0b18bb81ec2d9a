"""Processes that fill a version of a read model: they end when this process does, however that happens."""

import asyncio
import os
import sys
from collections.abc import Sequence

from bureau.embedded.process import launcher_command
from infrastructure.read_versions import ReadVersion
from projectors.building import BuildFailedError

__all__ = ["run_build_processes"]


async def run_build_processes(database_url: str, version: ReadVersion, shards: Sequence[int], processes: int) -> None:
    """Fill shards in so many processes, which share them; raises BuildFailedError with the words of one that failed.

    Cancelled, or where one fails, all are ended.
    """
    async with asyncio.TaskGroup() as group:
        for _ in range(processes):
            group.create_task(_run(database_url, version, shards))


async def _run(database_url: str, version: ReadVersion, shards: Sequence[int]) -> None:
    arguments = (version.projection, str(version.version), *map(str, shards))
    command = launcher_command((sys.executable, "-m", "projectors.build_process", *arguments))
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, "DATABASE_URL": database_url},
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, words = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        lines = words.decode(errors="replace").strip().splitlines()
        raise BuildFailedError(
            lines[-1] if lines else f"a process that filled {version} ended with {process.returncode}"
        )
