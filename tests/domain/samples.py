"""Commands, events and facts with everything filled in, so that a test says only what it is about."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from contracts.a2a import AgentCard, Artifact, Message, Part, Role
from contracts.agents import AgentPolicy, RetryPolicy
from contracts.attempts import AttemptRecord
from contracts.events import (
    AgentPaused,
    AgentRegistered,
    AgentRetired,
    Event,
    TaskArtifactAppended,
    TaskAttemptFailed,
    TaskAttemptStarted,
    TaskStarted,
    TaskSubmitted,
)
from domain.agent import Agent, evolve_agent
from domain.moments import microseconds
from domain.task import (
    AppendArtifact,
    AttemptRecorded,
    CancelTask,
    CompleteTask,
    FailTask,
    HeartbeatTask,
    Lease,
    LeaseGranted,
    LeaseTask,
    ReportProgress,
    SubmitTask,
    Task,
    TaskFact,
    TaskQueued,
)

__all__ = [
    "AGENT_ID",
    "MESSAGE",
    "NOON",
    "PAUSED",
    "REGISTERED",
    "RETIRED",
    "RETRY",
    "SUBMITTED",
    "TASK_ID",
    "active_agent",
    "append",
    "appended",
    "artifact",
    "at",
    "attempt",
    "cancel",
    "complete",
    "existing",
    "fail",
    "heartbeat",
    "lease",
    "lease_number",
    "leased",
    "paused_agent",
    "progress",
    "put_back",
    "queued",
    "retired_agent",
    "started",
    "submit",
    "taken_over",
]

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
AGENT_ID = UUID("01a1ff4e-7a00-7000-8000-00000000000a")
TASK_ID = UUID("01a1ff4e-7a00-7000-8000-00000000000b")
MESSAGE = Message(message_id="m-1", role=Role.USER, parts=(Part(text="hello"),))

# Attempt n is followed by the next after 10 * 2^(n - 1) seconds, 25 at the most, less nothing to a half.
RETRY = RetryPolicy(base_seconds=10, factor=2, cap_seconds=25, jitter=0.5, never_retried=("poison",))
REGISTERED = AgentRegistered(
    agent_id=AGENT_ID,
    name="analyst",
    card=AgentCard(),
    policy=AgentPolicy(lease_seconds=60, max_attempts=2, retry=RETRY),
)
PAUSED = AgentPaused(reason="too dear")
RETIRED = AgentRetired(reason="replaced")

SUBMITTED = TaskSubmitted(
    task_id=TASK_ID,
    agent_id=AGENT_ID,
    context_id="c-1",
    message=MESSAGE,
    priority=5,
    max_attempts=2,
    retry=RETRY,
    metadata={},
    reference_task_ids=(),
)


def at(seconds: float) -> datetime:
    """Return the time so many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def lease_number(seconds_after_noon: float) -> int:
    """Return the number of a lease that was given then."""
    return microseconds(at(seconds_after_noon))


def active_agent() -> Agent:
    return evolve_agent(None, REGISTERED)


def paused_agent() -> Agent:
    return evolve_agent(active_agent(), PAUSED)


def retired_agent() -> Agent:
    return evolve_agent(active_agent(), RETIRED)


def queued() -> tuple[TaskSubmitted, TaskQueued]:
    """Return a task that was submitted at noon."""
    return SUBMITTED, TaskQueued(ready_at=NOON)


def leased(
    number: int = 1, since: float = 0, seconds: int = 60, worker: str = "worker-1", *, is_new: bool = True
) -> LeaseGranted:
    """Return the fact that a lease was given some seconds after noon."""
    lease = Lease(number=number, worker=worker, seconds=seconds, expires_at=at(since + seconds))
    return LeaseGranted(lease=lease, at=at(since), is_new_attempt=is_new)


def started(worker: str = "worker-1") -> tuple[TaskStarted, LeaseGranted]:
    return TaskStarted(attempt=1, worker=worker), leased(worker=worker)


_REASONS = {
    "no_data": "nothing in it",
    "poison": "nothing in it",
    "deadline_exceeded": "The task's deadline is over.",
    "input_expired": "Nobody answered the worker's question in time.",
}


def attempt(number: int = 1, code: str = "lease_expired", began: float = 0, ended: float = 60) -> AttemptRecord:
    """Return what the history tells of the attempt of the worker with the same number."""
    worker = f"worker-{number}"
    reason = _REASONS.get(code, f"The worker {worker} did not renew its lease.")
    return AttemptRecord(
        attempt=number, worker=worker, started_at=at(began), ended_at=at(ended), code=code, reason=reason
    )


def put_back(since: float = 60, retry: float = 70) -> tuple[TaskAttemptFailed, AttemptRecorded, TaskQueued]:
    """Return the end of the first attempt, whose worker was gone."""
    reason = "The worker worker-1 did not renew its lease."
    failed = TaskAttemptFailed(attempt=1, code="lease_expired", reason=reason, retry_at=at(retry))
    return failed, AttemptRecorded(record=attempt(ended=since)), TaskQueued(ready_at=at(retry))


def taken_over(since: float = 70) -> tuple[Event | TaskFact, ...]:
    """Return the end of the first attempt and the start of the second."""
    return *put_back(), TaskAttemptStarted(attempt=2, worker="worker-2"), leased(2, since, worker="worker-2")


def artifact(artifact_id: str = "report") -> Artifact:
    return Artifact(artifact_id=artifact_id, parts=(Part(text="fine"),))


def appended(
    artifact_id: str = "report", attempt: int = 1, *, goes_on: bool = False, is_last: bool = True
) -> TaskArtifactAppended:
    return TaskArtifactAppended(attempt=attempt, artifact=artifact(artifact_id), append=goes_on, last_chunk=is_last)


def submit(**changes: object) -> SubmitTask:
    command = SubmitTask(
        at=NOON,
        task_id=TASK_ID,
        agent=active_agent(),
        context_id="c-1",
        message=MESSAGE,
        priority=5,
        metadata={},
        reference_task_ids=(),
    )
    return command.model_copy(update=changes)


def lease(seconds_after_noon: float = 0, **changes: object) -> LeaseTask:
    command = LeaseTask(at=at(seconds_after_noon), agent=active_agent(), worker="worker-1", seconds=None)
    return command.model_copy(update=changes)


def heartbeat(number: int | None = 1, seconds_after_noon: float = 0, seconds: int | None = None) -> HeartbeatTask:
    return HeartbeatTask(at=at(seconds_after_noon), lease_number=number, seconds=seconds)


def progress(number: int | None = 1, **changes: object) -> ReportProgress:
    command = ReportProgress(at=NOON, lease_number=number, fraction=0.5, message=None, usage=None)
    return command.model_copy(update=changes)


def append(
    artifact_id: str = "report", number: int | None = 1, *, goes_on: bool = False, is_last: bool = True
) -> AppendArtifact:
    return AppendArtifact(
        at=NOON, lease_number=number, artifact=artifact(artifact_id), append=goes_on, last_chunk=is_last
    )


def complete(number: int | None = 1, **changes: object) -> CompleteTask:
    return CompleteTask(at=NOON, lease_number=number, message=None, usage=None).model_copy(update=changes)


def fail(number: int | None = 1, **changes: object) -> FailTask:
    command = FailTask(at=NOON, lease_number=number, code="no_data", reason="nothing in it", message=None, usage=None)
    return command.model_copy(update=changes)


def cancel(reason: str | None = None) -> CancelTask:
    return CancelTask(at=NOON, reason=reason)


def existing(task: Task | None) -> Task:
    """Return a task that a test knows to exist."""
    assert task is not None
    return task
