"""What commands of tasks are answered with, from the state after them."""

from collections.abc import Callable, Sequence
from uuid import UUID

from fastapi import Response

from command_api.routes.call import Call, answer_json, carry_out
from command_api.services.aggregates import Facts
from command_api.services.command_request import Assignment, CommandRequest, Outcome, Result
from domain.task import Task, TaskCommand

__all__ = ["change_task", "single_task_request", "task_of", "task_result"]


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


def single_task_request(
    call: Call,
    task_id: UUID,
    make_command: Callable[[Facts], TaskCommand],
    respond: Callable[[Facts, Sequence[Outcome]], Result] = task_result,
    beside: Sequence[UUID] = (),
) -> CommandRequest:
    """Return the request for one command on one task that exists, which may look at other aggregates beside it."""
    return CommandRequest(
        context=call.context,
        prepare=lambda facts: [Assignment("task", task_id, make_command(facts))],
        respond=respond,
        aggregate_ids=[task_id, *beside],
    )


async def change_task(
    call: Call,
    task_id: UUID,
    make_command: Callable[[Facts], TaskCommand],
    respond: Callable[[Facts, Sequence[Outcome]], Result] = task_result,
    beside: Sequence[UUID] = (),
) -> Response:
    """Carry out one command on one task that exists, and answer with its result."""
    answer = await carry_out(single_task_request(call, task_id, make_command, respond, beside), call)
    return answer_json(answer, answer.result)
