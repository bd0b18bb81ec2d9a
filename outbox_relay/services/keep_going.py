"""The pace of the relay's upkeep: a job again and again until told to stop; a failure is told once."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog

__all__ = ["Job", "keep_going"]

_RETRY_SECONDS = 2.0

_LOG = structlog.get_logger(__name__)


class Job(NamedTuple):
    """What is done, how many seconds lie between two runs, and the words for one that failed."""

    run: Callable[[], Awaitable[object]]
    seconds: float
    failed: str


async def keep_going(job: Job, stop: asyncio.Event) -> None:
    """Run the job until `stop` is set."""
    has_failed = False
    while not stop.is_set():
        try:
            await job.run()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next attempt may go through
            if not has_failed:
                _LOG.warning(job.failed, error=f"{type(error).__name__}: {error}")
            has_failed = True
        else:
            has_failed = False
        pause = min(_RETRY_SECONDS, job.seconds) if has_failed else job.seconds
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
