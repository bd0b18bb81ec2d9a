"""The pace of what the relay does beside carrying: a job again and again until told to stop; a failure is told once."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog

from infrastructure.postgres import is_connection_error
from infrastructure.redis_client import is_redis_out_of_reach

__all__ = ["Job", "keep_going"]

_RETRY_SECONDS = 2.0

_LOG = structlog.get_logger(__name__)


class Job(NamedTuple):
    """What is done, how many seconds lie between two runs, and the words for one that failed.

    `is_told_elsewhere`: that a server is out of reach is told by whoever carries.
    """

    run: Callable[[], Awaitable[object]]
    seconds: float
    failed: str
    is_told_elsewhere: bool = False


async def keep_going(job: Job, stop: asyncio.Event) -> None:
    """Run the job until `stop` is set."""
    is_told = False
    while not stop.is_set():
        pause = job.seconds
        try:
            await job.run()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next attempt may go through
            pause = min(_RETRY_SECONDS, job.seconds)
            if not is_told and not (job.is_told_elsewhere and _is_out_of_reach(error)):
                _LOG.warning(job.failed, error=f"{type(error).__name__}: {error}")
                is_told = True
        else:
            is_told = False
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)


def _is_out_of_reach(error: Exception) -> bool:
    return is_connection_error(error) or is_redis_out_of_reach(error)
