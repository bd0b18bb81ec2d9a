"""Approvals, as lists show them and whole: one row an approval in each of two tables."""

from datetime import datetime
from typing import Any, assert_never, get_args

from contracts.approvals import ApprovalStatus
from contracts.events import (
    ApprovalEvent,
    ApprovalExpired,
    ApprovalGranted,
    ApprovalRefused,
    ApprovalRequested,
    ApprovalUsed,
    ApprovalVoteCast,
    ApprovalWithdrawn,
    Event,
)
from contracts.record import replace_fields
from contracts.views import ApprovalDetail, ApprovalSummary, ApprovalVoteView
from projectors.projections.expectations import expect_next, expect_nothing
from projectors.projections.projection import Projection, Recorded, ViewTable
from projectors.projections.rendering import render_view, render_whole

__all__ = ["APPROVALS", "project_approval_detail", "project_approval_summary"]

type _Decision = ApprovalGranted | ApprovalRefused | ApprovalExpired | ApprovalWithdrawn


def _decided(event: _Decision, at: datetime) -> dict[str, Any]:
    """Return the changes of the end of an approval, whatever it is."""
    match event:
        case ApprovalGranted():
            return {"status": ApprovalStatus.APPROVED, "decided_at": at}
        case ApprovalRefused():
            return {"status": ApprovalStatus.REFUSED, "decided_at": at}
        case ApprovalExpired():
            return {"status": ApprovalStatus.EXPIRED, "decided_at": at}
        case ApprovalWithdrawn():
            return {"status": ApprovalStatus.WITHDRAWN, "decided_at": at}
        case _:
            assert_never(event)


def _requested_summary(recorded: Recorded[ApprovalEvent], event: ApprovalRequested) -> ApprovalSummary:
    """Return an approval in a list as it comes into being."""
    return ApprovalSummary(
        approval_id=recorded.aggregate_id,
        task_id=event.task_id,
        agent_id=event.agent_id,
        operation=event.operation,
        status=ApprovalStatus.PENDING,
        approvals=0,
        refusals=0,
        required=event.rule.required,
        is_used=False,
        generation=recorded.generation,
        requested_at=recorded.time,
        expires_at=event.expires_at,
        decided_at=None,
    )


def project_approval_summary(view: ApprovalSummary | None, recorded: Recorded[ApprovalEvent]) -> ApprovalSummary | None:
    """Return the approval in a list after an event."""
    event = recorded.event
    if isinstance(event, ApprovalRequested):
        expect_nothing(view, recorded)
        return _requested_summary(recorded, event)
    current = expect_next(view, recorded)
    changes: dict[str, Any] = {"generation": recorded.generation}
    match event:
        case ApprovalVoteCast():
            counted = "approvals" if event.vote.decision == "approve" else "refusals"
            changes[counted] = getattr(current, counted) + 1
        case ApprovalUsed():
            changes["is_used"] = True
        case ApprovalGranted() | ApprovalRefused() | ApprovalExpired() | ApprovalWithdrawn():
            changes |= _decided(event, recorded.time)
        case _:
            assert_never(event)
    return replace_fields(current, changes)


def _requested_detail(recorded: Recorded[ApprovalEvent], event: ApprovalRequested) -> ApprovalDetail:
    """Return an approval as it comes into being."""
    return ApprovalDetail(
        approval_id=recorded.aggregate_id,
        workspace_id=recorded.workspace_id,
        task_id=event.task_id,
        agent_id=event.agent_id,
        operation=event.operation,
        arguments=event.arguments,
        message=event.message,
        rule=event.rule,
        requested_by=event.requested_by,
        status=ApprovalStatus.PENDING,
        required=event.rule.required,
        votes=(),
        is_used=False,
        generation=recorded.generation,
        requested_at=recorded.time,
        expires_at=event.expires_at,
        decided_at=None,
        used_at=None,
        updated_at=recorded.time,
    )


def project_approval_detail(view: ApprovalDetail | None, recorded: Recorded[ApprovalEvent]) -> ApprovalDetail | None:
    """Return the approval after an event."""
    event = recorded.event
    if isinstance(event, ApprovalRequested):
        expect_nothing(view, recorded)
        return _requested_detail(recorded, event)
    current = expect_next(view, recorded)
    changes: dict[str, Any] = {"generation": recorded.generation, "updated_at": recorded.time}
    match event:
        case ApprovalVoteCast(vote=vote):
            cast = ApprovalVoteView(by=vote.by, decision=vote.decision, reason=vote.reason, time=recorded.time)
            changes["votes"] = (*current.votes, cast)
        case ApprovalUsed():
            changes |= {"is_used": True, "used_at": recorded.time}
        case ApprovalGranted() | ApprovalRefused() | ApprovalExpired() | ApprovalWithdrawn():
            changes |= _decided(event, recorded.time)
        case _:
            assert_never(event)
    return replace_fields(current, changes)


def _tags(recorded: Recorded[Event]) -> tuple[str, ...]:
    """Name the approval and the list that it stands in."""
    return (f"approval_detail/{recorded.aggregate_id}", f"approval_list/{recorded.workspace_id}")


APPROVALS = Projection(
    name="approvals",
    event_types=frozenset(event.type for event in get_args(ApprovalEvent.__value__)),
    tags=_tags,
    views=(
        ViewTable(
            table="approval_list",
            view=ApprovalSummary,
            project=project_approval_summary,
            columns=lambda view: (view.task_id, view.agent_id, view.status.value, view.requested_at),
            render=render_whole,
        ),
        ViewTable(
            table="approval_detail",
            view=ApprovalDetail,
            project=project_approval_detail,
            columns=lambda view: (view.generation,),
            render=render_view,
        ),
    ),
)
"""The projection `approvals`."""
