"""The ports of the write side: everything that `handle_command` needs from outside, as typed callables."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from uuid import UUID

from contracts.streams import Token
from infrastructure.command_loads import Loaded, LoadRequest
from infrastructure.write_store import Write

__all__ = ["CommandDependencies"]


@dataclass(frozen=True, slots=True)
class CommandDependencies:
    """Filled in by the composition root, replaced piece by piece in tests."""

    load: Callable[[LoadRequest], Awaitable[Loaded]]
    """Time, receipt and aggregates in one round trip."""

    save: Callable[[Write], Awaitable[Token]]
    """All of a command or nothing, in one call."""

    announce: Callable[[Collection[int]], None]
    """Says that shards have new events; never waits, never fails."""

    announce_work: Callable[[], None]
    """Says that a task may be ready, here and in other processes; never waits, never fails."""

    pause: Callable[[int], Awaitable[None]]
    """Waits a little before try number n, longer with each."""

    make_id: Callable[[], UUID]
    """A new event id."""

    shards: Callable[[], Awaitable[int]]
    """The number of shards of the database."""
