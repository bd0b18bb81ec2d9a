"""From an envelope back to the event in it."""

from typing import get_args

from contracts.envelope import Envelope
from contracts.events.agent import AgentEvent
from contracts.events.approval import ApprovalEvent
from contracts.events.budget import BudgetEvent
from contracts.events.event import Event
from contracts.events.task import TaskEvent

__all__ = ["EVENT_TYPES", "UnknownEventTypeError", "read_event"]

_UNIONS = (AgentEvent, TaskEvent, ApprovalEvent, BudgetEvent)

EVENT_TYPES: dict[str, type[Event]] = {
    event_type.type: event_type for union in _UNIONS for event_type in get_args(union.__value__)
}
"""Every event class by the type name it goes by."""


class UnknownEventTypeError(ValueError):
    """The envelope names an event type that this version of the service does not know."""


def read_event(envelope: Envelope) -> Event:
    """Return the typed event in an envelope; raises UnknownEventTypeError or pydantic's ValidationError."""
    event_type = EVENT_TYPES.get(envelope.type)
    if event_type is None:
        raise UnknownEventTypeError(envelope.type)
    return event_type.model_validate(envelope.data)
