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
    TaskAttemptFailed,
    TaskAttemptStarted,
    TaskCanceled,
    TaskCompleted,
    TaskEvent,
    TaskFailed,
    TaskInputProvided,
    TaskInputRequested,
    TaskMessageAdded,
    TaskProgressed,
    TaskRejected,
    TaskResumed,
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
    "TaskAttemptFailed",
    "TaskAttemptStarted",
    "TaskCanceled",
    "TaskCompleted",
    "TaskEvent",
    "TaskFailed",
    "TaskInputProvided",
    "TaskInputRequested",
    "TaskMessageAdded",
    "TaskProgressed",
    "TaskRejected",
    "TaskResumed",
    "TaskStarted",
    "TaskSubmitted",
    "TaskUsageReported",
    "UnknownEventTypeError",
    "read_event",
]
