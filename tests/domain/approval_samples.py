"""Approvals, the people who decide, and tasks that wait for them, with everything filled in."""

from typing import Final, Literal
from uuid import UUID

from pydantic import JsonValue

from contracts.approvals import ApprovalRule, ApprovalStatus, ApprovalVote
from contracts.events import ApprovalRequested, ApprovalVoteCast
from domain.approval import CastVote, CloseApproval, Person, RequestApproval, UseApproval
from domain.task import AwaitApproval, ResolveApproval, Task, TaskCommand
from tests.domain.samples import AGENT_ID, NOON, TASK_ID, at, queued, started
from tests.domain.scenario import Given, given_task, given_this_task

__all__ = [
    "APPROVAL_ID",
    "ARGUMENTS",
    "PAYING",
    "PEOPLE",
    "RULE",
    "asked",
    "await_approval",
    "awaiting",
    "close",
    "request",
    "resolve",
    "use",
    "vote",
    "vote_cast",
]

APPROVAL_ID = UUID("01a1ff4e-7a00-7000-8000-0000000000a1")
ARGUMENTS: Final[dict[str, JsonValue]] = {"order": 7, "amount": 12.5, "is_full": True, "lines": [1, {"note": None}]}
RULE = ApprovalRule(operations=("payments.*",), roles=("treasurer",), people=("grace",), expires_in_seconds=600)


def _person(key_id: str, *roles: str, name: str | None = None) -> Person:
    return Person(key_id=key_id, name=name or key_id, roles=frozenset(roles))


PAYING: dict[str, object] = {"operation": "pay", "arguments": {}, "message": None}
PEOPLE = {
    person.key_id: person
    for person in (
        _person("worker", "treasurer"),
        _person("worker-2", "treasurer", name="worker"),
        _person("ada", "treasurer", "auditor"),
        _person("ada-2", "treasurer", name="ada"),
        _person("grace"),
        _person("mary", "treasurer"),
        _person("eve", "auditor"),
    )
}
"""By key: the worker and ada have two keys each, grace is named by the rule, eve may not decide."""


def asked(**rule: object) -> ApprovalRequested:
    """Return what the worker asked for at noon, under the rule with these changes."""
    changed = ApprovalRule.model_validate(RULE.model_dump() | rule)
    return ApprovalRequested(
        approval_id=APPROVAL_ID,
        task_id=TASK_ID,
        agent_id=AGENT_ID,
        operation="payments.refund",
        arguments=ARGUMENTS,
        message=None,
        rule=changed,
        expires_at=at(changed.expires_in_seconds),
        requested_by="worker",
    )


def request(**rule: object) -> RequestApproval:
    return RequestApproval(at=NOON, **asked(**rule).model_dump(exclude={"expires_at"}))


def vote(by: str, decision: Literal["approve", "refuse"] = "approve", **changes: object) -> CastVote:
    command = CastVote(at=at(10), by=by, decision=decision, reason=None, people=PEOPLE)
    return command.model_copy(update=changes)


def vote_cast(by: str, decision: Literal["approve", "refuse"] = "approve") -> ApprovalVoteCast:
    return ApprovalVoteCast(vote=ApprovalVote(by=by, decision=decision, reason=None))


def close(why: Literal["expired", "withdrawn"] = "expired") -> CloseApproval:
    return CloseApproval(at=at(600), why=why)


def use(**changes: object) -> UseApproval:
    command = UseApproval(at=at(20), task_id=TASK_ID, operation="payments.refund", arguments=ARGUMENTS)
    return command.model_copy(update=changes)


def await_approval(number: int | None = 1, *, keeps_lease: bool = False, **rule: object) -> AwaitApproval:
    return AwaitApproval(
        at=NOON,
        lease_number=number,
        approval_id=APPROVAL_ID,
        operation="payments.refund",
        rule=ApprovalRule.model_validate(RULE.model_dump() | rule),
        keeps_lease=keeps_lease,
        arguments={},
        message=None,
    )


def resolve(status: ApprovalStatus = ApprovalStatus.APPROVED, seconds_after_noon: float = 10) -> ResolveApproval:
    return ResolveApproval(at=at(seconds_after_noon), approval_id=APPROVAL_ID, status=status)


def awaiting(*, keeps_lease: bool = False, **rule: object) -> Given[Task, TaskCommand]:
    """Return a task whose worker asked for an approval at noon."""
    asking = await_approval(1, keeps_lease=keeps_lease, **rule)
    return given_this_task(given_task(*queued(), *started()).when(asking).after)
