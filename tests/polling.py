"""Waiting in tests: ask until it is so, with a deadline, never for a fixed time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import overload

__all__ = ["let_pass", "once_within", "poll_until", "wait_until"]

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.002, 0.1


@overload
async def poll_until[Value](
    condition: Callable[[], Awaitable[Value]],
    *,
    timeout: float = ...,  # noqa: ASYNC109 - see below
    what: str = ...,
) -> Value: ...


@overload
async def poll_until[Value](
    condition: Callable[[], Value],
    *,
    timeout: float = ...,  # noqa: ASYNC109 - see below
    what: str = ...,
) -> Value: ...


async def poll_until[Value](
    condition: Callable[[], Value | Awaitable[Value]],
    *,
    timeout: float = 10.0,  # noqa: ASYNC109 - the deadline is checked between two questions, nothing is cancelled
    what: str = "",
) -> Value:
    """Return the first truthy value of `condition` (plain or async); AssertionError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    pause = _FIRST_PAUSE_SECONDS
    while True:
        answer = condition()
        value: Value = await answer if inspect.isawaitable(answer) else answer
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not so after {timeout:g} s: {what or condition!r}; last value {value!r}")
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def wait_until[Value](condition: Callable[[], Value], *, timeout: float = 10.0, what: str = "") -> Value:
    """Do what `poll_until` does where no event loop runs."""
    deadline = time.monotonic() + timeout
    pause = _FIRST_PAUSE_SECONDS
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not so after {timeout:g} s: {what or condition!r}; last value {value!r}")
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
    return value


async def let_pass(seconds: float) -> None:
    """Let time pass on purpose, as somebody does who is slow or a fault that lasts; never to wait for something."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        await asyncio.sleep(left)


async def once_within(measure: Callable[[], Awaitable[Sequence[float]]], *most: float, tries: int = 3) -> None:
    """Measure until all of what is measured took less than so many seconds each; AssertionError if it never did.

    A slow try shows a busy machine or a slow product, a quick one what the product can do: this is no proof of a bound.
    """
    taken: list[Sequence[float]] = []
    while not taken or any(seconds >= bound for seconds, bound in zip(taken[-1], most, strict=True)):
        assert len(taken) < tries, f"never within {most} s: {taken}"
        taken.append(await measure())
