"""Everything that the routes need, put together by the composition root."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from command_api.services.dependencies import CommandDependencies

__all__ = ["CommandServices"]


@dataclass(frozen=True, slots=True)
class CommandServices:
    """The write side as routes see it."""

    commands: CommandDependencies
    secret_key: bytes
    """Signs lease tokens."""

    find_work: Callable[[str, Sequence[UUID], Sequence[str], int], Awaitable[list[tuple[UUID, UUID]]]]
    """(task id, agent id) of tasks of a workspace that may be leased now, by agent ids and names, at most n."""

    read_messages: Callable[[Sequence[UUID]], Awaitable[dict[UUID, list[bytes]]]]
    """What workers are handed with tasks."""

    announce_work: Callable[[], None]
    """Says that a task may be ready; never waits."""

    wait_for_work: Callable[[float], Awaitable[None]]
    """Waits until a task may be ready, some seconds at the most."""

    make_id: Callable[[], UUID]
    """A new identifier for an aggregate."""

    make_traceparent: Callable[[], str]
    """The start of a new trace."""

    monotonic: Callable[[], float]
    """Seconds on a clock that never goes back."""
