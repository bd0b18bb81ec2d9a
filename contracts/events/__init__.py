"""Every event of the service, defined once; the domain returns them and everybody else reads them."""

from contracts.events.agent import (
    AgentEvent,
    AgentPaused,
    AgentRegistered,
    AgentResumed,
    AgentRetired,
    AgentUpdated,
)
from contracts.events.event import Event
from contracts.events.registry import EVENT_TYPES, UnknownEventTypeError, read_event
from contracts.events.task import (
    TaskArtifactAppended,
    TaskAttemptStarted,
    TaskCanceled,
    TaskCompleted,
    TaskEvent,
    TaskFailed,
    TaskProgressed,
    TaskStarted,
    TaskSubmitted,
    TaskUsageReported,
)

__all__ = [
    "EVENT_TYPES",
    "AgentEvent",
    "AgentPaused",
    "AgentRegistered",
    "AgentResumed",
    "AgentRetired",
    "AgentUpdated",
    "Event",
    "TaskArtifactAppended",
    "TaskAttemptStarted",
    "TaskCanceled",
    "TaskCompleted",
    "TaskEvent",
    "TaskFailed",
    "TaskProgressed",
    "TaskStarted",
    "TaskSubmitted",
    "TaskUsageReported",
    "UnknownEventTypeError",
    "read_event",
]
