"""Heartbeats in a thread of their own, so that a handler that blocks its event loop does not lose its lease.

The thread has an event loop and a client of its own. A lease is renewed three times in its length, until it is let
go. It counts as lost when the service says so, or when no heartbeat got through until its end.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from client.client import BureauClient
from client.content import TERMINAL_STATES
from client.errors import BureauError, LeaseLostError, NotFoundError, WrongStateError
from client.records import Lease

__all__ = ["Heartbeats", "keep_lease", "open_heartbeats"]

_BEATS_IN_A_LEASE = 3
_CLOSE_SECONDS = 5.0
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


@contextmanager
def keep_lease(heartbeats: Heartbeats, lease: Lease, on_lost: Callable[[str], None]) -> Iterator[None]:
    """Renew the lease for as long as the body runs; `on_lost(reason)` is called in the caller's loop, once at most."""
    caller = asyncio.get_running_loop()

    async def beat() -> None:
        reason = await _renew_until_lost(heartbeats.client, lease)
        caller.call_soon_threadsafe(on_lost, reason)

    beating = asyncio.run_coroutine_threadsafe(beat(), heartbeats.loop)
    try:
        yield
    finally:
        beating.cancel()


async def _renew_until_lost(client: BureauClient, lease: Lease) -> str:
    """Renew for ever; return why it is over."""
    loop = asyncio.get_running_loop()
    expires_at = loop.time() + lease.lease_seconds
    while True:
        await asyncio.sleep(lease.lease_seconds / _BEATS_IN_A_LEASE)
        sent_at = loop.time()
        try:
            async with asyncio.timeout_at(expires_at):
                answer = await client.send_heartbeat(lease, lease_seconds=lease.lease_seconds)
        except (LeaseLostError, WrongStateError, NotFoundError) as error:
            return error.message
        except (TimeoutError, BureauError) as error:
            _logger.warning("No heartbeat for task %s: %s", lease.task_id, error if str(error) else "no answer in time")
            if loop.time() >= expires_at:
                return "no heartbeat got through before the lease ended"
            continue
        if answer.state in TERMINAL_STATES:
            return f"the task is {answer.state}"
        expires_at = sent_at + lease.lease_seconds
