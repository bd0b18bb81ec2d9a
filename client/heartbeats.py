"""Heartbeats in a thread of their own, so that a handler that blocks its event loop does not lose its lease.

The thread has an event loop and a client of its own. A lease is renewed three times in its length, more often while the
handler waits for a message or an answer, until it is let go. It counts as lost when the service says so, or when no
heartbeat got through until its end.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from client.client import BureauClient
from client.content import TERMINAL_STATES
from client.errors import BureauError, LeaseLostError, NotFoundError, TaskCanceledError, WrongStateError
from client.lease_records import Heartbeat, Lease

__all__ = ["Heartbeats", "LeaseEnd", "keep_lease", "open_heartbeats"]

_BEATS_IN_A_LEASE = 3
_CLOSE_SECONDS = 5.0
_FIRST_HURRY_SECONDS, _LONGEST_HURRY_SECONDS = 0.25, 2.0
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Heartbeats:
    """The thread's loop and client."""

    loop: asyncio.AbstractEventLoop
    client: BureauClient


@contextmanager
def open_heartbeats(client: BureauClient) -> Iterator[Heartbeats]:
    """Start the thread; at the end it is stopped, and leases that are still kept are let go."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="bureau-heartbeats", daemon=True)
    thread.start()
    copy = client.copy()
    try:
        yield Heartbeats(loop, copy)
    finally:
        asyncio.run_coroutine_threadsafe(copy.close(), loop).result(_CLOSE_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_CLOSE_SECONDS)
        loop.close()


class LeaseEnd(NamedTuple):
    """Why a lease is over; `is_canceled` where the task was canceled."""

    reason: str
    is_canceled: bool


class _Pace:
    """How long to wait for the next heartbeat: not long while somebody waits for what it may bring."""

    def __init__(self, usual_seconds: float) -> None:
        self._usual = usual_seconds
        self._quick = min(usual_seconds, _FIRST_HURRY_SECONDS)
        self._waiting = 0
        self._changed = asyncio.Event()

    def change(self, difference: int) -> None:
        """Count one more who waits, or one less."""
        self._waiting += difference
        self._quick = min(self._usual, _FIRST_HURRY_SECONDS)
        self._changed.set()

    async def pause(self) -> None:
        """Wait until the next heartbeat is due."""
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        while True:
            self._changed.clear()
            try:
                async with asyncio.timeout_at(began_at + (self._quick if self._waiting else self._usual)):
                    await self._changed.wait()
            except TimeoutError:
                self._quick = min(self._usual, _LONGEST_HURRY_SECONDS, self._quick * 1.5)
                return


@contextmanager
def keep_lease(
    heartbeats: Heartbeats, lease: Lease, on_beat: Callable[[Heartbeat], None], on_end: Callable[[LeaseEnd], None]
) -> Iterator[Callable[[int], None]]:
    """Renew the lease for as long as the body runs; the functions are called in the caller's loop, `on_end` once.

    Yields a function that is told +1 and -1 when somebody waits for news and does no more.
    """
    caller = asyncio.get_running_loop()
    pace = _Pace(lease.lease_seconds / _BEATS_IN_A_LEASE)

    async def beat() -> None:
        end = await _renew_until_lost(
            heartbeats.client, lease, pace, lambda answer: caller.call_soon_threadsafe(on_beat, answer)
        )
        caller.call_soon_threadsafe(on_end, end)

    def hurry(difference: int) -> None:
        heartbeats.loop.call_soon_threadsafe(pace.change, difference)

    beating = asyncio.run_coroutine_threadsafe(beat(), heartbeats.loop)
    try:
        yield hurry
    finally:
        beating.cancel()


async def _renew_until_lost(
    client: BureauClient, lease: Lease, pace: _Pace, on_beat: Callable[[Heartbeat], object]
) -> LeaseEnd:
    """Renew for ever; return why it is over."""
    loop = asyncio.get_running_loop()
    expires_at = loop.time() + lease.lease_seconds
    received = len(lease.messages)
    while True:
        await pace.pause()
        sent_at = loop.time()
        try:
            async with asyncio.timeout_at(expires_at):
                answer = await client.send_heartbeat(lease, lease_seconds=lease.lease_seconds, received=received)
        except (LeaseLostError, WrongStateError, NotFoundError, TaskCanceledError) as error:
            return LeaseEnd(error.message, isinstance(error, TaskCanceledError))
        except (TimeoutError, BureauError) as error:
            _logger.warning("No heartbeat for task %s: %s", lease.task_id, error if str(error) else "no answer in time")
            if loop.time() >= expires_at:
                return LeaseEnd("no heartbeat got through before the lease ended", is_canceled=False)
            continue
        if answer.state in TERMINAL_STATES:
            return LeaseEnd(f"the task is {answer.state}", is_canceled=False)
        expires_at = sent_at + lease.lease_seconds
        received += len(answer.messages)
        on_beat(answer)
