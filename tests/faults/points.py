"""Fault points: before, during and after an I/O of API, relay or projectors a process may strike itself down.

`relay.append_batches.after:3:kill` means: when the relay has returned from its third append, SIGKILL; with `stop`
SIGSTOP, and when it goes on it says on a line `STRUCK …` what its call came to. Wrapped around the names under which
the processes' own modules call their I/O; the product knows nothing of it.
"""

import asyncio
import importlib
import os
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from functools import wraps
from typing import Any, Final

from infrastructure.stream_writer import AppendAnswer

__all__ = ["POINTS", "STRUCK", "install"]

type AnyCall = Callable[..., Awaitable[Any]]

_TARGETS: Final = {
    "command-api.load_commands": "command_api.application",
    "command-api.find_due_tasks": "command_api.application",
    "command-api.save_commands": "infrastructure.joint_saves",
    "command-api.save_command": "infrastructure.joint_saves",
    "relay.read_batches": "outbox_relay.main",
    "relay.append_batches": "outbox_relay.main",
    "relay.locate_streams": "outbox_relay.main",
    "relay.ensure_partitions": "outbox_relay.main",
    "relay.find_damage": "outbox_relay.main",
    "relay.raise_floors": "outbox_relay.keeping",
    "relay.trim_streams": "outbox_relay.keeping",
    "relay.renew_leases": "infrastructure.lease_keeping",
    "projectors.load_bodies": "projectors.main",
    "projectors.save_batch": "projectors.main",
    "projectors.read_standings": "projectors.following",
    "projectors.read_log": "projectors.following",
    "projectors.announce_applied": "projectors.announcing",
    "projectors.open_serving": "projectors.following",
    "projectors.renew_leases": "infrastructure.lease_keeping",
}
"""What a storm leads to. What it does not (parking, releasing, the archive, mending a stream that a stranger damaged,
the groups of registered readers) has tests of its own.
"""
_MOMENTS: Final = ("before", "during", "after")
_MOMENT_SECONDS: Final = 0.001

POINTS: Final = {
    role: tuple(f"{target}.{moment}" for target in _TARGETS if target.startswith(f"{role}.") for moment in _MOMENTS)
    for role in ("command-api", "relay", "projectors")
}
"""Every point, by role."""

STRUCK: Final = "STRUCK "


def install(point: str) -> None:
    """Arm one point, given as `<role>.<function>.<moment>:<how often before>:<kill or stop>`."""
    where, times, how = point.split(":")
    target = where.rpartition(".")[0]
    module = importlib.import_module(_TARGETS[target])
    name = target.partition(".")[2]
    number = signal.SIGKILL if how == "kill" else signal.SIGSTOP
    setattr(module, name, _armed(getattr(module, name), where, int(times), number))


def _armed(function: AnyCall, where: str, times: int, number: signal.Signals) -> AnyCall:
    """Return the function; it strikes once, at the given call that has something to do (counted from 1) or the next.

    A call that fails is not the place to strike after: then the next that succeeds is.
    """
    moment = where.rpartition(".")[2]
    counts = Counter[str]()

    def strikes(at: str) -> bool:
        if at != moment or counts["calls"] < times or counts["strikes"]:
            return False
        counts["strikes"] += 1
        os.kill(os.getpid(), number)
        return True

    @wraps(function)
    async def armed(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever it wraps
        if _is_idle(arguments):
            return await function(*arguments, **named)
        counts["calls"] += 1
        has_struck = strikes("before")
        running = asyncio.ensure_future(function(*arguments, **named))
        if moment == "during" and counts["calls"] >= times and not counts["strikes"]:
            await asyncio.wait([running], timeout=_MOMENT_SECONDS)  # what was sent is on its way
            has_struck = strikes("during")
        result = await running
        if strikes("after") or has_struck:
            _tell(f"{where}: {_outcome(arguments, result)}")
        return result

    return armed


def _is_idle(arguments: tuple[Any, ...]) -> bool:
    """Tell whether a call has nothing to carry: its last argument is empty."""
    return bool(arguments) and isinstance(arguments[-1], Collection) and not arguments[-1]


def _outcome(arguments: tuple[Any, ...], result: Any) -> str:  # noqa: ANN401 - whatever was wrapped returned it
    """Say what a call came to that was late: appended or refused shards, moved or lost checkpoints."""
    if isinstance(result, list) and result and isinstance(result[0], AppendAnswer):
        outcomes = Counter(answer.outcome.name.lower() for answer in result)
        return ", ".join(f"{outcomes[name]} {name}" for name in sorted(outcomes))
    if isinstance(result, set):
        return f"{len(result)} moved, {len(arguments[2]) - len(result)} lost"
    return "returned"


def _tell(words: str) -> None:
    os.write(sys.stderr.fileno(), f"{STRUCK}{words}\n".encode())
