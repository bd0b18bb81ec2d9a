"""Approvals: a worker asks to be allowed an operation, people decide, the worker makes use of it once."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from command_api.bodies import DecisionBody
from command_api.receipts import ApprovalReceipt
from command_api.routes.call import CurrentCall, answer_json, carry_out
from command_api.routes.json_route import JsonRoute
from command_api.routes.lease_token import LeaseToken, lease_number
from command_api.routes.one_command import Target, change_one
from command_api.services.aggregates import Facts
from command_api.services.command_request import Assignment, CommandAnswer, CommandRequest, Outcome, Result
from command_api.worker_bodies import (
    OperationBody,
    RequestApprovalBody,
)
from domain.approval import Approval, CastVote, Person, RequestApproval, UseApproval
from domain.task import AwaitApproval, ConfirmLease
from domain.task.state import require_working_lease
from infrastructure.web.application import documented_errors

__all__ = ["router"]

router = APIRouter(
    tags=["approvals"],
    route_class=JsonRoute,
    responses=documented_errors(400, 401, 403, 404, 409, 413, 415, 422, 503),
)


def _approval_result(_facts: Facts, outcomes: Sequence[Outcome]) -> Result:
    """Return what is said of an approval after a command."""
    approval = next(outcome.state for outcome in outcomes if isinstance(outcome.state, Approval))
    return {
        "approval_id": str(approval.approval_id),
        "status": approval.status,
        "task_id": str(approval.task_id),
        "expires_at": approval.expires_at.isoformat(),
        "is_used": approval.is_used,
    }


def _not_required(task_id: UUID) -> Result:
    """Return what is said where the policy lets the worker do the operation without asking."""
    return {
        "approval_id": None,
        "status": "not_required",
        "task_id": str(task_id),
        "expires_at": None,
        "is_used": False,
    }


@router.post("/tasks/{task_id}/approvals", response_model=ApprovalReceipt, summary="Ask to be allowed an operation")
async def request_approval(task_id: UUID, lease_token: LeaseToken, body: RequestApprovalBody, call: CurrentCall) -> Any:  # noqa: ANN401 - response_model says it
    """Ask people, where a rule of the agent's policy covers the operation: the task is auth_required meanwhile.

    Where none does the status is not_required, and the worker just goes on.
    """
    number = lease_number(call, task_id, lease_token)
    approval_id = call.services.make_id()

    def prepare(facts: Facts) -> list[Assignment]:
        task = require_working_lease(facts.tasks.get(task_id), number)
        rules = facts.agents[task.agent_id].policy.approvals
        rule = next((rule for rule in rules if rule.covers(body.operation)), None)
        if rule is None:
            return []
        request = RequestApproval(
            at=facts.at,
            approval_id=approval_id,
            task_id=task_id,
            agent_id=task.agent_id,
            operation=body.operation,
            arguments=body.arguments,
            message=body.message,
            rule=rule,
            requested_by=call.principal.key_id,
        )
        wait = AwaitApproval(
            at=facts.at,
            lease_number=number,
            approval_id=approval_id,
            operation=body.operation,
            rule=rule,
            keeps_lease=body.keeps_lease,
            arguments=body.arguments,
            message=body.message,
        )
        return [Assignment("approval", approval_id, request), Assignment("task", task_id, wait)]

    def respond(facts: Facts, outcomes: Sequence[Outcome]) -> Result:
        return _approval_result(facts, outcomes) if outcomes else _not_required(task_id)

    answer = await carry_out(
        CommandRequest(context=call.context, prepare=prepare, respond=respond, aggregate_ids=[task_id]), call
    )
    return answer_json(answer, answer.result)


@router.post("/approvals/{approval_id}/decision", response_model=ApprovalReceipt, summary="Approve or refuse")
async def decide_on_approval(approval_id: UUID, body: DecisionBody, call: CurrentCall) -> Any:  # noqa: ANN401 - see above
    """Decide, where the rule names you or a role of yours; the deciding vote resumes the task or ends it.

    403 where it is for others to decide or you asked yourself, 409 where you have voted or it is decided.
    """
    principals = await call.services.read_principals(call.principal.workspace_id)
    people = {
        principal.key_id: Person(
            key_id=principal.key_id, name=principal.name, roles=principal.roles, is_revoked=principal.is_revoked
        )
        for principal in principals
    }

    return await change_one(
        call,
        Target("approval", approval_id),
        lambda facts: CastVote(
            at=facts.at, by=call.principal.key_id, decision=body.decision, reason=body.reason, people=people
        ),
        _approval_result,
    )


@router.post(
    "/tasks/{task_id}/approvals/{approval_id}/use",
    response_model=ApprovalReceipt,
    summary="Make use of an approval",
)
async def use_approval(
    task_id: UUID, approval_id: UUID, lease_token: LeaseToken, body: OperationBody, call: CurrentCall
) -> Any:  # noqa: ANN401 - see above
    """Say that the operation is about to be done; 409 where it was not approved, was used, or is not just this one."""
    number = lease_number(call, task_id, lease_token)

    def prepare(facts: Facts) -> list[Assignment]:
        use = UseApproval(at=facts.at, task_id=task_id, operation=body.operation, arguments=body.arguments)
        confirm = ConfirmLease(lease_number=number)
        return [Assignment("task", task_id, confirm), Assignment("approval", approval_id, use)]

    answer: CommandAnswer = await carry_out(
        CommandRequest(
            context=call.context,
            prepare=prepare,
            respond=_approval_result,
            aggregate_ids=[task_id, approval_id],
        ),
        call,
    )
    return answer_json(answer, answer.result)
