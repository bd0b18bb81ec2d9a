"""Fault points: before, during and after each I/O of relay and projectors a process may strike itself down.

`relay.append_batches.after:3:kill` means: when the relay has returned from its third append, SIGKILL. Wrapped around
the names under which the processes' own modules call their I/O; the product knows nothing of it.
"""

import asyncio
import importlib
import os
import signal
from collections.abc import Awaitable, Callable
from functools import wraps
from itertools import count
from typing import Any, Final

__all__ = ["POINTS", "install"]

type AnyCall = Callable[..., Awaitable[Any]]

_TARGETS: Final = {
    "relay.read_batches": "outbox_relay.main",
    "relay.append_batches": "outbox_relay.main",
    "relay.locate_streams": "outbox_relay.main",
    "projectors.load_bodies": "projectors.main",
    "projectors.save_batch": "projectors.main",
    "projectors.read_standings": "projectors.following",
    "projectors.read_log": "projectors.following",
    "projectors.announce_applied": "projectors.announcing",
}
_MOMENTS: Final = ("before", "during", "after")
_MOMENT_SECONDS: Final = 0.001

POINTS: Final = {
    role: tuple(f"{target}.{moment}" for target in _TARGETS if target.startswith(f"{role}.") for moment in _MOMENTS)
    for role in ("relay", "projectors")
}
"""Every point, by role."""


def install(point: str) -> None:
    """Arm one point, given as `<role>.<function>.<moment>:<how often before>:<kill or stop>`."""
    where, times, how = point.split(":")
    target, _, moment = where.rpartition(".")
    module = importlib.import_module(_TARGETS[target])
    name = target.partition(".")[2]
    strike = _striker(signal.SIGKILL if how == "kill" else signal.SIGSTOP)
    setattr(module, name, _armed(getattr(module, name), moment, int(times), strike))


def _striker(number: signal.Signals) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


def _armed(function: AnyCall, moment: str, times: int, strike: Callable[[], None]) -> AnyCall:
    """Return the function; the given call of it, counted from 1, brings the process down."""
    calls = count(1)

    @wraps(function)
    async def armed(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever it wraps
        is_now = next(calls) == times
        if is_now and moment == "before":
            strike()
        running = asyncio.ensure_future(function(*arguments, **named))
        if is_now and moment == "during":
            await asyncio.wait([running], timeout=_MOMENT_SECONDS)  # what was sent is on its way
            strike()
        result = await running
        if is_now and moment == "after":
            strike()
        return result

    return armed
