"""One call at a time for a key, in one process: for calls that may take long before they have a receipt.

A client that lost its connection while it waited for work sends the same command again; the second waits until the
first has its leases, and is then answered with those. Between processes the receipt alone decides.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

__all__ = ["OneAtATime", "make_one_at_a_time"]

type OneAtATime = Callable[[Hashable], AbstractAsyncContextManager[None]]


@dataclass(slots=True)
class _Turn:
    """The lock of a key, and how many calls have or want it: the last one takes it away."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    calls: int = 0


def make_one_at_a_time() -> OneAtATime:
    """Return what makes calls with equal keys wait for each other."""
    turns: dict[Hashable, _Turn] = {}

    @asynccontextmanager
    async def one_at_a_time(key: Hashable) -> AsyncIterator[None]:
        turn = turns.setdefault(key, _Turn())
        turn.calls += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.calls -= 1
            if not turn.calls:
                del turns[key]

    return one_at_a_time
