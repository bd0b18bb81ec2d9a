"""Give a task to a worker, for a while."""

from datetime import datetime, timedelta

from contracts.events import TaskAttemptStarted, TaskResumed, TaskStarted
from contracts.record import Record
from domain.agent.state import Agent, require_working_agent
from domain.budget.state import Budget, require_unspent_budgets
from domain.moments import microseconds
from domain.rejection import Conflict
from domain.task.facts import LeaseGranted
from domain.task.state import Lease, Task, require_open_task

__all__ = ["LeaseTask", "decide_lease_task"]


class LeaseTask(Record):
    """Lease a task; `seconds` None is the length that the agent's policy says.

    `slot` is a free place of an agent that has a limit, None where it has none; `budgets` are those over the task.
    """

    at: datetime
    agent: Agent | None
    worker: str
    seconds: int | None
    slot: int | None = None
    budgets: tuple[Budget, ...] = ()


def decide_lease_task(
    command: LeaseTask, task: Task | None
) -> list[TaskStarted | TaskAttemptStarted | TaskResumed | LeaseGranted]:
    """Return the start of an attempt, or its going on after a wait; refused while leased, waiting or not yet ready."""
    task = require_open_task(task)
    agent = require_working_agent(command.agent)
    if task.lease is not None:
        raise Conflict("task_leased", "Another worker has the task.")
    if task.claimable_at is None:
        raise Conflict("wrong_state", f"The task is {task.state}: nobody can work on it now.")
    if task.ready_at > command.at:
        raise Conflict("not_ready", f"The task is not ready before {task.ready_at.isoformat()}.")
    _require_slot(command.slot, agent)
    require_unspent_budgets(command.budgets, command.at)
    seconds = command.seconds or agent.policy.lease_seconds
    lease = Lease(
        number=_next_number(task, command.at),
        worker=command.worker,
        seconds=seconds,
        expires_at=command.at + timedelta(seconds=seconds),
        slot=command.slot,
    )
    if task.is_resuming:
        return [
            TaskResumed(attempt=task.attempt, worker=command.worker),
            LeaseGranted(lease=lease, at=command.at, is_new_attempt=False),
        ]
    started = TaskStarted if task.attempt == 0 else TaskAttemptStarted
    return [
        started(attempt=task.attempt + 1, worker=command.worker),
        LeaseGranted(lease=lease, at=command.at, is_new_attempt=True),
    ]


def _next_number(task: Task, at: datetime) -> int:
    """Return the number of a new lease: above the last one, and none that a lease of a lost future had.

    Counted one by one it would come again after the database went back in time, and two workers would hold one token.
    """
    return max(task.leases + 1, microseconds(at))


def _require_slot(slot: int | None, agent: Agent) -> None:
    """Raise Conflict where an agent's places are all taken; the store guards that no two leases have the same."""
    limit = agent.policy.max_concurrent_tasks
    if limit is not None and (slot is None or slot >= limit):
        raise Conflict("agent_busy", f"The agent {agent.name} works on {limit} tasks already.")
