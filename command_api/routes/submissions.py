"""Submitting tasks: one, many at once, or an ended one again."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter

from command_api.bodies import BatchBody, SubmitTaskBody
from command_api.receipts import BatchReceipt, TaskReceipt
from command_api.routes.call import Call, CurrentCall, answer_json, carry_out, joined_answer, part_context
from command_api.routes.json_route import JsonRoute
from command_api.routes.task_results import task_result
from command_api.services.aggregates import Facts
from command_api.services.command_request import Assignment, CommandAnswer, CommandRequest, Outcome, Result
from contracts.a2a import TERMINAL_STATES, Message
from contracts.streams import shard_of
from domain.rejection import Conflict
from domain.task import SubmitTask
from domain.task.state import require_task
from infrastructure.web.application import API_PREFIX, documented_errors

__all__ = ["router"]

router = APIRouter(
    prefix="/tasks",
    tags=["tasks"],
    route_class=JsonRoute,
    responses=documented_errors(400, 401, 404, 409, 413, 415, 422, 503),
)


def _assignment(facts: Facts, body: SubmitTaskBody, task_id: UUID, context_id: str) -> Assignment:
    """Return the command that a body asks for."""
    command = SubmitTask(
        at=facts.at,
        task_id=task_id,
        agent=facts.find_agent(body.agent),
        context_id=context_id,
        message=body.message,
        priority=body.priority,
        metadata=body.metadata,
        reference_task_ids=tuple(str(reference) for reference in body.reference_task_ids),
        not_before=body.not_before,
        deadline=body.deadline,
    )
    return Assignment("task", task_id, command)


@router.post("", status_code=201, response_model=TaskReceipt, summary="Submit a task")
async def submit_task(body: SubmitTaskBody, call: CurrentCall) -> Any:  # noqa: ANN401 - response_model says it
    """Ask an agent, by id or name, for work. Refused with 409 where the agent is paused or retired.

    A task submitted while its agent is being paused is either refused or waits until the agent is resumed.
    """
    task_id = call.services.make_id()
    context_id = body.context_id or str(call.services.make_id())
    answer = await carry_out(
        CommandRequest(
            context=call.context,
            prepare=lambda facts: [_assignment(facts, body, task_id, context_id)],
            respond=task_result,
            aggregate_ids=[body.agent] if isinstance(body.agent, UUID) else [],
            agent_names=[body.agent] if isinstance(body.agent, str) else [],
        ),
        call,
    )
    location = f"{API_PREFIX}/tasks/{answer.result['task_id']}"
    return answer_json(answer, answer.result, status=201, location=location)


@router.post("/{task_id}/retry", status_code=201, response_model=TaskReceipt, summary="Submit an ended task again")
async def retry_task(task_id: UUID, call: CurrentCall) -> Any:  # noqa: ANN401 - see above
    """Make a new task from one that is over: same agent, message and context, with a reference to the old one.

    The old task stays as it ended. 409 `wrong_state` where it has not ended yet.
    """
    new_id = call.services.make_id()
    contents = await call.services.read_messages(call.principal.workspace_id, {task_id: range(1, 2)})

    def prepare(facts: Facts) -> list[Assignment]:
        old = require_task(facts.tasks.get(task_id))
        if old.state not in TERMINAL_STATES:
            raise Conflict("wrong_state", f"The task is {old.state}; only one that is over can be submitted again.")
        first = orjson.loads(contents[task_id][0])
        command = SubmitTask(
            at=facts.at,
            task_id=new_id,
            agent=facts.agents.get(old.agent_id),
            context_id=old.context_id,
            message=Message.model_validate(first["message"]),
            priority=old.priority,
            metadata=first["metadata"],
            reference_task_ids=(str(task_id), *first["reference_task_ids"][:99]),
        )
        return [Assignment("task", new_id, command)]

    answer = await carry_out(
        CommandRequest(
            context=call.context,
            prepare=prepare,
            respond=task_result,
            aggregate_ids=[task_id],
        ),
        call,
    )
    location = f"{API_PREFIX}/tasks/{answer.result['task_id']}"
    return answer_json(answer, answer.result, status=201, location=location)


@router.post("/batch", response_model=BatchReceipt, summary="Submit many tasks")
async def submit_batch(body: BatchBody, call: CurrentCall) -> Any:  # noqa: ANN401 - see above
    """Submit up to 1,000 tasks; each item of the answer says what became of one: its receipt, or why it was refused.

    An item that is malformed makes it 422 for all.

    The tasks of a shard are committed together, those of different shards separately. With an Idempotency-Key a batch
    that broke off in the middle is completed by sending it again; items that were refused stay so, under that key.
    """
    shards = await call.services.commands.shards()
    groups: defaultdict[int, list[tuple[int, UUID, SubmitTaskBody]]] = defaultdict(list)
    for index, item in enumerate(body.tasks):
        task_id = _batch_id(call, index)
        groups[shard_of(task_id, shards)].append((index, task_id, item))
    results: dict[int, Mapping[str, Any]] = {}
    answers: list[CommandAnswer] = []
    for part, (_, items) in enumerate(sorted(groups.items())):
        answer = await carry_out(_batch_request(call, part, items), call)
        answers.append(answer)
        results.update(zip((index for index, _, _ in items), answer.result["items"], strict=True))
    return answer_json(joined_answer(answers), {"data": [results[index] for index in range(len(body.tasks))]})


def _batch_id(call: Call, index: int) -> UUID:
    """Return the id of a batch's task: the same whenever the same command is sent again, so that shards don't change.

    A UUID of version 8 (RFC 9562, 5.8) from the command's key and the item's place.
    """
    seed = "\n".join((*call.context.key, str(index))).encode()
    digest = int.from_bytes(hashlib.sha256(seed).digest()[:16])
    return UUID(int=digest & ~(0xF << 76) & ~(0x3 << 62) | (0x8 << 76) | (0x2 << 62))


def _batch_request(call: Call, part: int, items: Sequence[tuple[int, UUID, SubmitTaskBody]]) -> CommandRequest:
    """Return the command for one part: the tasks of one shard."""
    agents = [item.agent for _, _, item in items]

    def prepare(facts: Facts) -> list[Assignment]:
        return [_assignment(facts, item, task_id, item.context_id or str(task_id)) for _, task_id, item in items]

    def respond(facts: Facts, outcomes: Sequence[Outcome]) -> Result:
        return {"items": [_batch_item(facts, outcome) for outcome in outcomes]}

    return CommandRequest(
        context=part_context(call, part),
        prepare=prepare,
        respond=respond,
        # The tasks, too: they are there where the receipt of the same batch was purged.
        aggregate_ids=[*{agent for agent in agents if isinstance(agent, UUID)}, *(task_id for _, task_id, _ in items)],
        agent_names=list({agent for agent in agents if isinstance(agent, str)}),
        is_lenient=True,
    )


def _batch_item(facts: Facts, outcome: Outcome) -> Mapping[str, Any]:
    """Return what became of one task of a batch."""
    if outcome.rejection is not None:
        return {"task": None, "error": {"code": outcome.rejection.code, "message": outcome.rejection.message}}
    return {"task": task_result(facts, [outcome]), "error": None}
