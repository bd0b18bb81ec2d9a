"""Ask an agent for work."""

from datetime import datetime
from uuid import UUID

from contracts.a2a import Message, Metadata
from contracts.events import TaskSubmitted
from contracts.record import Record
from domain.agent.state import Agent, require_working_agent
from domain.rejection import Conflict, Invalid
from domain.task.facts import TaskQueued
from domain.task.state import Task

__all__ = ["SubmitTask", "decide_submit_task"]


class SubmitTask(Record):
    """Submit a task; `agent` is the agent as it was when the decision was prepared.

    A task submitted while its agent is being paused may win or lose; where it wins it waits for the agent's return.
    """

    at: datetime
    task_id: UUID
    agent: Agent | None
    context_id: str
    message: Message
    priority: int
    metadata: Metadata
    reference_task_ids: tuple[str, ...]
    not_before: datetime | None = None
    deadline: datetime | None = None


def decide_submit_task(command: SubmitTask, task: Task | None) -> list[TaskSubmitted | TaskQueued]:
    """Return the submission; refused where the agent takes no work or the task could never be done in time."""
    if task is not None:
        raise Conflict("task_exists", "A task with this id exists.")
    agent = require_working_agent(command.agent)
    earliest = max(command.at, command.not_before or command.at)
    if command.deadline is not None and command.deadline <= earliest:
        raise Invalid("deadline_too_early", "The deadline is not after the time at which the task may begin.")
    submitted = TaskSubmitted(
        task_id=command.task_id,
        agent_id=agent.agent_id,
        context_id=command.context_id,
        message=command.message,
        priority=command.priority,
        max_attempts=agent.policy.max_attempts,
        attempt_seconds=agent.policy.attempt_seconds,
        retry=agent.policy.retry,
        metadata=command.metadata,
        reference_task_ids=command.reference_task_ids,
        not_before=command.not_before,
        deadline=command.deadline,
    )
    return [submitted, TaskQueued(ready_at=earliest)]
