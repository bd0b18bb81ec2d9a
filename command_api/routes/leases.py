"""Leasing tasks: a worker asks, waits if it likes, and gets what is ready."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, Final
from uuid import UUID

import orjson
from fastapi import APIRouter

from command_api.receipts import LeasesReceipt
from command_api.routes.call import Call, CurrentCall, answer_json, carry_out
from command_api.routes.handed_over import handed_over
from command_api.routes.json_route import JsonRoute
from command_api.routes.task_results import task_of
from command_api.services.aggregates import Facts
from command_api.services.assign_work import Candidate, Demand
from command_api.services.command_request import Assignment, CommandAnswer, CommandRequest, Outcome, Result
from command_api.services.lease_dispatcher import AgentRenamedError
from command_api.worker_bodies import (
    LeaseBody,
)
from domain.agent import Agent
from domain.rejection import Conflict, NotFound
from domain.task import LeaseTask
from infrastructure.lease_tokens import make_lease_token
from infrastructure.web.application import documented_errors
from infrastructure.work_store import FindAgents

__all__ = ["router"]

router = APIRouter(
    prefix="/leases",
    tags=["workers"],
    route_class=JsonRoute,
    responses=documented_errors(400, 401, 404, 409, 413, 415, 422, 503),
)

_LARGE_BYTES: Final = 4 * 2**20
"""How large the messages of an answer's large tasks may be together, where they are several; small ones come on top."""

_FIRST_BYTES: Final = 2**20
"""As how large a first message counts that was not loaded: a request's body is seldom larger."""

_CONTESTED_LOOKS = 3
"""How often somebody who does not wait looks again, when others were quicker with all that it found."""


async def _demand(body: LeaseBody, call: Call, find: FindAgents) -> Demand:
    """Return what the worker would take; raises NotFound where an agent is not there."""
    agent_ids = [agent for agent in body.agents if isinstance(agent, UUID)]
    agent_names = [agent for agent in body.agents if isinstance(agent, str)]
    found = await find(call.principal.workspace_id, agent_ids, agent_names)
    for agent in body.agents:
        if agent not in found:
            raise NotFound("agent_not_found", f"There is no agent {agent}.")
    # Without repetitions, in the order of the request.
    names = {found[name]: name for name in agent_names}
    return Demand(tuple(dict.fromkeys(found[agent] for agent in body.agents)), body.max_tasks, names)


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
                "max_attempts": task.rules.max_attempts,
                "generation": task.generation,
                "priority": task.priority,
                "deadline": None if task.deadline is None else task.deadline.isoformat(),
                "last_message": task.messages,
                "lease_number": lease.number,
                "lease_seconds": lease.seconds,
                "lease_expires_at": lease.expires_at.isoformat(),
            }
            for task, lease in leased
        ]
    }


def _request(body: LeaseBody, call: Call, candidates: Sequence[Candidate], names: Mapping[UUID, str]) -> CommandRequest:
    """Return the command that leases the candidates.

    Those that another process took meanwhile are left out, those whose agent lost the name that was asked for, and
    those whose messages are too much for one answer: they stay for the next call.
    """

    def is_wanted(agent: Agent | None, agent_id: UUID) -> bool:
        return agent is None or names.get(agent_id, agent.name) == agent.name

    def prepare(facts: Facts) -> list[Assignment]:
        wanted = [one for one in candidates if is_wanted(facts.agents.get(one.agent_id), one.agent_id)]
        return [
            Assignment(
                "task",
                candidate.task_id,
                LeaseTask(
                    at=facts.at,
                    agent=facts.agents.get(candidate.agent_id),
                    worker=body.worker,
                    seconds=body.lease_seconds,
                    slot=candidate.slot,
                    budgets=facts.budgets_over(candidate.task_id),
                ),
            )
            for candidate in _that_fit(wanted, facts)
        ]

    return CommandRequest(
        context=call.context,
        prepare=prepare,
        respond=_lease_result,
        aggregate_ids=[candidate.task_id for candidate in candidates],
        is_lenient=True,
        has_messages=True,
    )


def _that_fit(candidates: Sequence[Candidate], facts: Facts) -> list[Candidate]:
    """Return the candidates whose messages go into one answer: all small ones, and of the large ones one at least."""
    size, chosen = 0, []
    for candidate in candidates:
        unread = _unread_bytes(candidate.task_id, facts)
        if not unread or not size or size + unread <= _LARGE_BYTES:
            size += unread
            chosen.append(candidate)
    return chosen


def _unread_bytes(task_id: UUID, facts: Facts) -> int:
    """Return about how many bytes of a task's messages were not loaded with it."""
    task = facts.tasks.get(task_id)
    if task is None or len(facts.messages.get(task_id, ())) == task.messages:
        return 0
    return _FIRST_BYTES + task.message_bytes


async def _lease(
    body: LeaseBody, call: Call, candidates: Sequence[Candidate], names: Mapping[UUID, str]
) -> CommandAnswer | None:
    """Lease candidates; None where others had them all first. Without candidates only a receipt is looked for."""
    try:
        answer = await carry_out(_request(body, call, candidates, names), call)
    except Conflict as conflict:
        if conflict.code != "agent_busy":
            raise
        return None
    return answer if answer.token is not None else None


async def _render(answer: CommandAnswer, call: Call) -> list[dict[str, Any]]:
    """Return leases as the worker gets them: with token and messages, which no receipt keeps."""
    leases = answer.result["leases"]
    lasts = {UUID(lease["task_id"]): lease["last_message"] for lease in leases}
    contents = answer.messages
    # Nothing was loaded with a replay, nor of what is large. A replay hands over no more than were there when the lease
    # was granted.
    unread = {task_id: range(1, last + 1) for task_id, last in lasts.items() if len(contents.get(task_id, ())) < last}
    if unread:
        contents = {**contents, **await call.services.read_messages(call.principal.workspace_id, unread)}
    rendered = []
    for task_id, lease in zip(lasts, leases, strict=True):
        bodies = contents[task_id]
        submitted = orjson.loads(bodies[0])
        token = make_lease_token(call.services.secret_key, task_id, lease["lease_number"])
        told = {name: value for name, value in lease.items() if name != "lease_number"}
        rendered.append(
            {
                **told,
                "lease_token": token,
                **handed_over(bodies, first_ordinal=1),
                "metadata": submitted["metadata"],
                "reference_task_ids": submitted["reference_task_ids"],
            }
        )
    return rendered


@router.post("", response_model=LeasesReceipt, summary="Lease tasks")
async def lease_tasks(body: LeaseBody, call: CurrentCall) -> Any:  # noqa: ANN401 - response_model says it
    """Return tasks of these agents that are ready, the most urgent first, each the worker's own from now on.

    At most `max_tasks`; of those with more than 32 KiB of messages no more than about 4 MiB, or one: the others are
    left for the next call. With `wait_seconds` it waits for work, and is woken when some comes. Agents take turns.
    The work of a paused one is waited for; where all are retired it is 409 `agent_retired`, one that does not exist
    is 404. A task whose worker did not renew its lease comes again as its next attempt, after the delay that its
    agent's retry policy says.

    A repetition under the same Idempotency-Key may wait shorter or longer: with 0 it asks for what it was given.
    """
    call.allow_seconds(body.wait_seconds)
    demand = await _demand(body, call, call.services.recall_agents)
    if call.has_client_key:
        call = _whatever_wait(call, body)
        async with call.services.one_at_a_time(call.context.key):
            answer = await _lease(body, call, [], {}) or await _wait_for_lease(body, call, demand)
    else:
        answer = await _wait_for_lease(body, call, demand)
    if answer is None:
        return answer_json(CommandAnswer({}, None, is_replayed=False), {"data": []})
    return answer_json(answer, {"data": await _render(answer, call)})


def _whatever_wait(call: Call, body: LeaseBody) -> Call:
    """Return the call as one that is the same request however long it waits."""
    fingerprint = hashlib.sha256(b"POST /leases\n" + body.model_dump_json(exclude={"wait_seconds"}).encode()).digest()
    return replace(call, context=replace(call.context, fingerprint=fingerprint))


async def _wait_for_lease(body: LeaseBody, call: Call, demand: Demand) -> CommandAnswer | None:
    """Lease what there is, or will be while the worker waits; None where there is nothing, or nobody wants it.

    Raises Conflict where no work will ever come.
    """
    deadline = call.services.monotonic() + body.wait_seconds
    for look in count(1):
        remaining = max(0.0, deadline - call.services.monotonic())
        try:
            candidates = await call.services.dispatcher.request(demand, remaining, call.over)
        except AgentRenamedError:
            demand = await _demand(body, call, call.services.find_agents)
            continue
        answer = None
        try:
            if not candidates or call.is_gone():
                return None
            answer = await _lease(body, call, candidates, demand.names)
        finally:
            is_all = answer is not None and len(answer.result["leases"]) == len(candidates)
            settle = call.services.dispatcher.done if is_all else call.services.dispatcher.give_back
            settle(candidates)
        if answer is not None or call.is_stopping() or (remaining <= 0 and look >= _CONTESTED_LOOKS):
            return answer
    return None
