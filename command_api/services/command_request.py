"""What a route hands to `handle_command`, and what it gets back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from command_api.services.aggregates import Command, Facts, State
from contracts.events import Event
from contracts.streams import Token
from domain.rejection import Rejection
from infrastructure.write_store import CommandKey

__all__ = ["Assignment", "CommandAnswer", "CommandContext", "CommandRequest", "Outcome", "Result"]

type Result = Mapping[str, Any]
"""What a command led to, as JSON: kept with the receipt, so it holds no secret; answers are rendered from it."""


@dataclass(frozen=True, slots=True)
class CommandContext:
    """Who sends a command, which command it is, and the trace that it belongs to.

    Where it `keeps_refusals`, a lenient command of which all is refused leaves a receipt too, so that it is answered
    so again.
    """

    key: CommandKey
    fingerprint: bytes
    correlation_id: str
    causation_id: str
    traceparent: str
    keeps_refusals: bool = False


class Assignment(NamedTuple):
    """A command for one aggregate."""

    kind: str
    aggregate_id: UUID
    command: Command


class Outcome(NamedTuple):
    """What became of an assignment: the state after it and its events, or the reason why it was refused."""

    assignment: Assignment
    state: State | None
    events: tuple[Event, ...]
    has_changed: bool
    rejection: Rejection | None


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """What to load, how to make commands from it, and how to say what came of them.

    `prepare` runs after the load, so that commands carry the database's time; both functions are pure. Where
    `is_lenient`, a refused assignment is left out and the others are carried out; otherwise its refusal is raised.
    """

    context: CommandContext
    prepare: Callable[[Facts], Sequence[Assignment]]
    respond: Callable[[Facts, Sequence[Outcome]], Result]
    aggregate_ids: Sequence[UUID] = ()
    agent_names: Sequence[str] = ()
    is_lenient: bool = False
    has_messages: bool = False
    """Whether the answer needs the messages of the tasks: then those of small ones are loaded with them."""


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """The result, how far the log had come with it (None where nothing was changed), and whether it is a replay.

    `messages` are the bodies that were loaded with tasks, where they were asked for and it is no replay.
    """

    result: Result
    token: Token | None
    is_replayed: bool
    messages: Mapping[UUID, Sequence[bytes]] = field(default_factory=dict)
