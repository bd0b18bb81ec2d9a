"""Processes that compare aggregates for `bureau verify`: they end when this process does, however that happens."""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence

from bureau.embedded.process import launcher_command
from bureau.verification.parts import Part, PartFound

__all__ = ["PartFailedError", "run_parts"]

_LONGEST_LINE = 1 << 24
"""Bytes: twenty differences of each kind, with what differs."""


class PartFailedError(RuntimeError):
    """A process could not compare its part."""


async def run_parts(
    database_url: str, redis_url: str, parts: Sequence[Part], take: Callable[[PartFound], None]
) -> None:
    """Have each part compared by a process of its own, and take what they find as it comes.

    Raises PartFailedError; the one that failed has said why on standard error. Cancelled, or where one fails, all are
    ended.
    """
    environment = {**os.environ, "DATABASE_URL": database_url, "REDIS_URL": redis_url}
    try:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(_run(environment, part, take))
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed


async def _run(environment: dict[str, str], part: Part, take: Callable[[PartFound], None]) -> None:
    process = await asyncio.create_subprocess_exec(
        *launcher_command((sys.executable, "-m", "bureau.verification.part_process")),
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
    )
    try:
        await _talk(process, part, take)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        message = f"a process that compares aggregates ended with {process.returncode}: it has said why above"
        raise PartFailedError(message)


async def _talk(process: asyncio.subprocess.Process, part: Part, take: Callable[[PartFound], None]) -> None:
    """Give a process its part and take what it says until it ends."""
    if process.stdin is None or process.stdout is None:
        raise PartFailedError(process)
    process.stdin.write(part.model_dump_json().encode() + b"\n")
    async for line in process.stdout:
        take(PartFound.model_validate_json(line))
    await process.wait()
