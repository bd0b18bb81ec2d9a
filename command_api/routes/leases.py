"""Leasing tasks: a worker asks, waits if it likes, and gets what is ready."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter

from command_api.bodies import LeaseBody
from command_api.receipts import LeasesReceipt
from command_api.routes.call import Call, CurrentCall, answer_json, carry_out
from command_api.routes.json_route import JsonRoute
from command_api.routes.task_results import task_of
from command_api.services.aggregates import Facts
from command_api.services.command_request import Assignment, CommandAnswer, CommandRequest, Outcome, Result
from domain.rejection import NotFound
from domain.task import LeaseTask
from infrastructure.lease_tokens import make_lease_token
from infrastructure.web.application import documented_errors

__all__ = ["router"]

router = APIRouter(
    prefix="/leases",
    tags=["workers"],
    route_class=JsonRoute,
    responses=documented_errors(400, 401, 404, 409, 413, 415, 422, 503),
)


def _agent_ids(body: LeaseBody) -> list[UUID]:
    """Return the agents that are named by id."""
    return [agent for agent in body.agents if isinstance(agent, UUID)]


def _agent_names(body: LeaseBody) -> list[str]:
    """Return the agents that are named by name."""
    return [agent for agent in body.agents if isinstance(agent, str)]


def _require_agents(body: LeaseBody, facts: Facts) -> None:
    """Raise NotFound where a worker asks for the work of an agent that does not exist."""
    for agent in body.agents:
        if facts.find_agent(agent) is None:
            raise NotFound("agent_not_found", f"There is no agent {agent}.")


def _lease_result(facts: Facts, outcomes: Sequence[Outcome]) -> Result:
    """Return the leases that were granted, without tokens and content: those are added to each answer."""
    tasks = [task_of(outcome) for outcome in outcomes if outcome.rejection is None]
    leased = [(task, task.lease) for task in tasks if task.lease is not None]
    return {
        "leases": [
            {
                "task_id": str(task.task_id),
                "agent_id": str(task.agent_id),
                "agent_name": facts.agents[task.agent_id].name,
                "context_id": task.context_id,
                "attempt": task.attempt,
                "max_attempts": task.max_attempts,
                "generation": task.generation,
                "priority": task.priority,
                "lease_number": lease.number,
                "lease_seconds": lease.seconds,
                "lease_expires_at": lease.expires_at.isoformat(),
            }
            for task, lease in leased
        ]
    }


def _request(body: LeaseBody, call: Call, found: Sequence[tuple[UUID, UUID]]) -> CommandRequest:
    """Return the command that leases the tasks found; those that another worker took meanwhile are left out."""

    def prepare(facts: Facts) -> list[Assignment]:
        _require_agents(body, facts)
        return [
            Assignment(
                "task",
                task_id,
                LeaseTask(
                    at=facts.at, agent=facts.agents.get(agent_id), worker=body.worker, seconds=body.lease_seconds
                ),
            )
            for task_id, agent_id in found
        ]

    return CommandRequest(
        context=call.context,
        prepare=prepare,
        respond=_lease_result,
        aggregate_ids=[*_agent_ids(body), *(aggregate_id for pair in found for aggregate_id in pair)],
        agent_names=_agent_names(body),
        is_lenient=True,
    )


async def _lease_ready(body: LeaseBody, call: Call) -> CommandAnswer | None:
    """Lease what is ready now; None where nothing is."""
    workspace_id = call.principal.workspace_id
    found = await call.services.find_work(workspace_id, _agent_ids(body), _agent_names(body), body.max_tasks)
    answer = await carry_out(_request(body, call, found), call)
    return answer if answer.token is not None else None


async def _render(answer: CommandAnswer, call: Call) -> list[dict[str, Any]]:
    """Return leases as the worker gets them: with token and messages, which no receipt keeps."""
    leases = answer.result["leases"]
    contents = await call.services.read_messages([UUID(lease["task_id"]) for lease in leases])
    rendered = []
    for lease in leases:
        task_id = UUID(lease["task_id"])
        bodies = [orjson.loads(body) for body in contents[task_id]]
        token = make_lease_token(call.services.secret_key, task_id, lease["lease_number"])
        told = {name: value for name, value in lease.items() if name != "lease_number"}
        rendered.append(
            {
                **told,
                "lease_token": token,
                "messages": [body["message"] for body in bodies],
                "metadata": bodies[0]["metadata"],
                "reference_task_ids": bodies[0]["reference_task_ids"],
            }
        )
    return rendered


@router.post("", response_model=LeasesReceipt, summary="Lease tasks")
async def lease_tasks(body: LeaseBody, call: CurrentCall) -> Any:  # noqa: ANN401 - response_model says it
    """Return tasks of these agents that are ready, the most urgent first, each the worker's own from now on.

    With `wait_seconds` it waits for work. A task whose last lease ran out is ready again, as its next attempt.
    Paused and retired agents have no work; an agent that does not exist is 404.
    """
    call.allow_seconds(body.wait_seconds)
    deadline = call.services.monotonic() + body.wait_seconds
    while True:
        answer = await _lease_ready(body, call)
        remaining = deadline - call.services.monotonic()
        if answer is not None:
            return answer_json(answer, {"data": await _render(answer, call)})
        if remaining <= 0 or call.is_stopping():
            return answer_json(CommandAnswer({}, None, is_replayed=False), {"data": []})
        await call.services.wait_for_work(remaining)
        if await call.is_gone():
            return answer_json(CommandAnswer({}, None, is_replayed=False), {"data": []})
