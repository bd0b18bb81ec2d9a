"""The worker loop: lease tasks, run the handler, report, and stop cleanly.

    worker = Worker(client, agents=["greeter"], concurrency=4)

    @worker.handler
    async def greet(task: TaskContext) -> str:
        await task.progress(0.5, "thinking of something nice")
        return f"Hello, {task.text}!"

    asyncio.run(worker.run())     # until SIGTERM or SIGINT

A handler is a coroutine, an async generator whose yields are progress, or a blocking function (or generator), which
runs in a thread. What it returns becomes the task's last message. `raise TaskFailedError(code, reason)` fails
the task; any other exception fails it with the code `handler_error` and the exception's type, and its traceback goes
only to this process's log. Heartbeats go by themselves; when the task is canceled or
its lease lost, the handler is cancelled.
"""

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from client.client import BureauClient
from client.errors import BureauError, ConflictError
from client.handlers import Handler
from client.heartbeats import open_heartbeats
from client.lease_records import Lease
from client.work import do_task

__all__ = ["Worker"]

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_TROUBLE_PAUSE_SECONDS = 2.0
_HAND_BACK_SECONDS = 3.0
_logger = logging.getLogger(__name__)


class Worker:
    """Does the tasks of some agents with one handler.

    Args:
        client: An open client; the worker doesn't close it.
        agents: Names or ids of the agents whose tasks it takes.
        concurrency: How many tasks it does at once, 1 to 100.
        name: Who it says it is; host and process id without one.
        lease_seconds: The length of a lease; the agent's policy decides without one.
        poll_seconds: How long the service may wait for work before it answers a request for leases, 0 to 30.
        drain_seconds: How long running handlers may go on after a stop, before they are cancelled and their tasks
            handed back.
    """

    def __init__(  # noqa: PLR0913 - each has its reason in the docstring
        self,
        client: BureauClient,
        agents: Sequence[str | UUID],
        *,
        concurrency: int = 1,
        name: str | None = None,
        lease_seconds: int | None = None,
        poll_seconds: int = 20,
        drain_seconds: float = 30.0,
    ) -> None:
        self.name = name or f"{socket.gethostname()}-{os.getpid()}"
        self._client = client
        self._agents = tuple(agents)
        self._concurrency = concurrency
        self._lease_seconds = lease_seconds
        self._poll_seconds = poll_seconds
        self._drain_seconds = drain_seconds
        self._handler: Handler | None = None

    def handler[Function: Handler](self, function: Function) -> Function:
        """Use the function for every task; a decorator."""
        self._handler = function
        return function

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Work until `stop` is set or SIGTERM or SIGINT comes; a second signal ends the process at once.

        Ends as well when all its agents are retired. Raises RuntimeError without a handler, and BureauError where
        leasing can't ever work (wrong key, no such agent).
        """
        if self._handler is None:
            raise RuntimeError("the worker has no handler: decorate a function with @worker.handler")
        handler, stop = self._handler, stop or asyncio.Event()
        running: set[asyncio.Task[None]] = set()
        with open_heartbeats(self._client) as heartbeats, _stop_on_signals(stop):
            try:
                async for lease in self._take_leases(stop, running):
                    task = asyncio.create_task(do_task(self._client, handler, lease, heartbeats))
                    running.add(task)
                    task.add_done_callback(running.discard)
                if running:
                    _logger.info("Stopping: %d tasks have %g s to end", len(running), self._drain_seconds)
                    await asyncio.wait(running, timeout=self._drain_seconds)
            finally:
                await _cancel(running)

    async def _take_leases(self, stop: asyncio.Event, running: set[asyncio.Task[None]]) -> AsyncIterator[Lease]:
        """Yield leases, never more than there is room for, until the stop, or until no work will come and none runs."""
        stopping, is_retired = asyncio.create_task(stop.wait()), False
        try:
            while not stop.is_set() and (running or not is_retired):
                free = self._concurrency - len(running)
                if free <= 0 or is_retired:
                    await asyncio.wait({stopping, *running}, return_when=asyncio.FIRST_COMPLETED)
                    continue
                try:
                    leases = await self._lease(free, stopping)
                except ConflictError as error:
                    if error.code != "agent_retired":
                        raise
                    _logger.warning("The worker ends once it has done what it has: %s", error)
                    is_retired, leases = True, ()
                for lease in leases:
                    yield lease
        finally:
            stopping.cancel()

    async def _lease(self, max_tasks: int, stopping: asyncio.Task[bool]) -> tuple[Lease, ...]:
        """Return leases, none when it is time to stop; waits out trouble that may pass."""
        lease = partial(
            self._client.lease_tasks,
            self._agents,
            worker=self.name,
            max_tasks=max_tasks,
            lease_seconds=self._lease_seconds,
            idempotency_key=str(uuid4()),
        )
        leasing = asyncio.create_task(lease(wait_seconds=self._poll_seconds))
        try:
            await asyncio.wait({leasing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leasing.cancel()  # changes nothing where there is an answer
        if stopping.done():
            await asyncio.gather(leasing, return_exceptions=True)
            await self._hand_back(lease)
            return ()
        try:
            return leasing.result()
        except BureauError as error:
            if not error.is_retryable:
                raise
            _logger.warning("No leases for now: %s", error)
            await asyncio.wait({stopping}, timeout=_TROUBLE_PAUSE_SECONDS)
            return ()

    async def _hand_back(self, lease: Callable[..., Coroutine[Any, Any, tuple[Lease, ...]]]) -> None:
        """Release what was leased in the moment of the stop: the same call, made again, answers with that."""
        try:
            async with asyncio.timeout(_HAND_BACK_SECONDS):
                for late in await lease(wait_seconds=0):
                    await self._client.release_task(late)
        except (BureauError, TimeoutError) as error:
            _logger.warning(
                "What was leased last comes back when its lease ends: %s", str(error) or "no answer in time"
            )


async def _cancel[Result](tasks: set[asyncio.Task[Result]]) -> None:
    """Cancel and wait; twice, because a blocking handler's thread outlives the first time.

    A handler that ends the first time hands its task back, which takes a call.
    """
    for seconds in (_HAND_BACK_SECONDS, 1.0):
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)


@contextmanager
def _stop_on_signals(stop: asyncio.Event) -> Iterator[None]:
    """Set the event at the first signal and leave the second to the system; outside the main thread do nothing."""
    loop = asyncio.get_running_loop()
    is_main = threading.current_thread() is threading.main_thread()

    def restore() -> None:
        for number in _SIGNALS if is_main else ():
            loop.remove_signal_handler(number)

    def begin_stop() -> None:
        restore()
        stop.set()

    for number in _SIGNALS if is_main else ():
        loop.add_signal_handler(number, begin_stop)
    try:
        yield
    finally:
        restore()
