"""Whether a command may have brought work to workers that wait: a hint, for they look again anyhow. Pure."""

from collections.abc import Iterable

from command_api.services.aggregates import Facts
from command_api.services.command_request import Outcome
from domain.agent import Agent
from domain.budget import Budget
from domain.task import Task

__all__ = ["may_bring_work"]


def may_bring_work(outcomes: Iterable[Outcome], facts: Facts) -> bool:
    """Tell whether a task became ready or gave its place free, or an agent or a budget may let work go on."""
    return any(_brings_work(outcome, facts) for outcome in outcomes if outcome.has_changed)


def _brings_work(outcome: Outcome, facts: Facts) -> bool:
    """Tell the same of one aggregate."""
    match outcome.state:
        case Task() as task:
            before = facts.tasks.get(task.task_id)
            return _is_ready(task, before, facts) or _has_freed_place(task, before, facts)
        case Agent() | Budget():
            return bool(outcome.events)
        case _:
            return False


def _is_ready(task: Task, before: Task | None, facts: Facts) -> bool:
    """Tell whether a worker may lease a task now that none might before."""
    was_claimable = before is not None and before.claimable_at is not None
    return task.claimable_at is not None and not was_claimable and task.ready_at <= facts.at


def _has_freed_place(task: Task, before: Task | None, facts: Facts) -> bool:
    """Tell whether a task gave its lease back, of which its agent may have only so many at a time."""
    agent = facts.agents.get(task.agent_id)
    is_limited = agent is not None and agent.policy.max_concurrent_tasks is not None
    return is_limited and before is not None and before.lease is not None and task.lease is None
