"""Everything that the routes need, put together by the composition root."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from command_api.services.dependencies import CommandDependencies
from command_api.services.lease_dispatcher import LeaseDispatcher
from command_api.services.one_at_a_time import OneAtATime
from infrastructure.api_keys import Principal
from infrastructure.dead_letters import DeadLetterRequest, WantedAction
from infrastructure.work_store import FindAgents, OpenTaskFilter

__all__ = ["CommandServices"]


@dataclass(frozen=True, slots=True)
class CommandServices:
    """The write side as routes see it."""

    commands: CommandDependencies
    secret_key: bytes
    """Signs lease tokens."""

    dispatcher: LeaseDispatcher
    """Deals out work to the workers that wait."""

    one_at_a_time: OneAtATime
    """Makes calls of the same command wait for each other, where they may take long."""

    find_agents: FindAgents
    """Ids of agents of a workspace, by id and by name."""

    recall_agents: FindAgents
    """The same, by names of up to a second ago: for workers that ask again and again."""

    find_open_tasks: Callable[[OpenTaskFilter, UUID, int], Awaitable[list[UUID]]]
    """Ids of open tasks behind one, ascending, at most n."""

    read_messages: Callable[[str, Mapping[UUID, range]], Awaitable[dict[UUID, list[bytes]]]]
    """What workers are handed with tasks of a workspace, by the ordinals that are wanted of each."""

    read_principals: Callable[[str], Awaitable[list[Principal]]]
    """All who hold a key of a workspace, or held one that is revoked, as they stand now."""

    ask_for_release: Callable[[WantedAction, str, float], Awaitable[DeadLetterRequest | None]]
    """Takes what is asked of a dead letter, the workspace and seconds to wait; None where there is no such one."""

    make_id: Callable[[], UUID]
    """A new identifier for an aggregate."""

    make_traceparent: Callable[[], str]
    """The start of a new trace."""

    random_share: Callable[[], float]
    """A number from 0 to 1, for jitter."""

    monotonic: Callable[[], float]
    """Seconds on a clock that never goes back."""
