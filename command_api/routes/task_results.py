"""What commands of tasks are answered with, from the state after them."""

from collections.abc import Callable, Sequence
from uuid import UUID

from fastapi import Response

from command_api.routes.call import Call
from command_api.routes.one_command import Target, change_one
from command_api.services.aggregates import Facts
from command_api.services.command_request import Outcome, Result
from domain.task import Task, TaskCommand

__all__ = ["change_task", "task_of", "task_result"]


def task_of(outcome: Outcome) -> Task:
    """Return the task that an outcome left."""
    assert isinstance(outcome.state, Task)  # noqa: S101 - task commands lead to tasks
    return outcome.state


def task_result(_facts: Facts, outcomes: Sequence[Outcome]) -> Result:
    """Return what is said of a task after a command."""
    task = task_of(outcomes[0])
    return {
        "task_id": str(task.task_id),
        "context_id": task.context_id,
        "agent_id": str(task.agent_id),
        "state": task.state,
        "generation": task.generation,
        "attempt": task.attempt,
    }


async def change_task(
    call: Call,
    task_id: UUID,
    make_command: Callable[[Facts], TaskCommand],
    respond: Callable[[Facts, Sequence[Outcome]], Result] = task_result,
    beside: Sequence[UUID] = (),
) -> Response:
    """Carry out one command on one task that exists, which may look at other aggregates; answer with its result."""
    return await change_one(call, Target("task", task_id, beside), make_command, respond)
