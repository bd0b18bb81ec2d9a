"""Approvals, pure: given what happened before, when an event comes, then list and detail are this."""

from typing import Any
from uuid import UUID

import pytest
from pydantic import TypeAdapter

from contracts.approvals import ApprovalRule, ApprovalStatus, ApprovalVote
from contracts.events import (
    ApprovalExpired,
    ApprovalGranted,
    ApprovalRefused,
    ApprovalRequested,
    ApprovalUsed,
    ApprovalVoteCast,
    ApprovalWithdrawn,
    Event,
)
from contracts.views import ApprovalDetail, ApprovalSummary
from projectors.projections import ProjectionError
from projectors.projections.approvals import APPROVALS, project_approval_detail, project_approval_summary
from projectors.projections.rendering import render_view, render_whole
from tests.projectors.given import ID, Project, at, fold, recorded
from tests.projectors.stories import text_message

TASK_ID, AGENT_ID = UUID(int=1), UUID(int=2)
RULE = ApprovalRule(operations=("shop.*",), roles=("buyer",), required=2)
REQUESTED = ApprovalRequested(
    approval_id=ID,
    task_id=TASK_ID,
    agent_id=AGENT_ID,
    operation="shop.buy",
    arguments={"what": "a lamp", "size": None},
    message=text_message("May I?"),
    rule=RULE,
    expires_at=at(50),
    requested_by="key-1",
)
YES = ApprovalVoteCast(vote=ApprovalVote(by="ada", decision="approve", reason=None))
NO = ApprovalVoteCast(vote=ApprovalVote(by="bob", decision="refuse", reason="too dear"))


def summary(*events: Event) -> ApprovalSummary:
    return fold(project_approval_summary, [REQUESTED, *events])


def detail(*events: Event) -> ApprovalDetail:
    return fold(project_approval_detail, [REQUESTED, *events])


def test_a_request_shows_exactly_what_is_asked_for_and_who_may_decide() -> None:
    asked = detail()
    assert (asked.operation, asked.arguments, asked.rule) == ("shop.buy", {"what": "a lamp", "size": None}, RULE)
    assert (asked.status, asked.requested_by, asked.expires_at) == (ApprovalStatus.PENDING, "key-1", at(50))
    assert (summary().task_id, summary().agent_id, summary().required) == (TASK_ID, AGENT_ID, 2)


def test_votes_are_counted_in_the_list_and_told_in_the_detail() -> None:
    assert (summary(YES, NO).approvals, summary(YES, NO).refusals, summary(YES, NO).decided_at) == (1, 1, None)
    assert [(vote.by, vote.decision, vote.reason, vote.time) for vote in detail(YES, NO).votes] == [
        ("ada", "approve", None, at(2)),
        ("bob", "refuse", "too dear", at(3)),
    ]


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (ApprovalGranted(), ApprovalStatus.APPROVED),
        (ApprovalRefused(), ApprovalStatus.REFUSED),
        (ApprovalExpired(), ApprovalStatus.EXPIRED),
        (ApprovalWithdrawn(), ApprovalStatus.WITHDRAWN),
    ],
)
def test_every_end_stands_in_list_and_detail_alike(end: Event, status: ApprovalStatus) -> None:
    assert (summary(YES, end).status, detail(YES, end).status) == (status, status)
    assert (summary(YES, end).decided_at, detail(YES, end).decided_at) == (at(3), at(3))


def test_what_was_made_use_of_says_so_and_when() -> None:
    used = detail(YES, ApprovalGranted(), ApprovalUsed())
    assert (used.is_used, used.used_at, used.status) == (True, at(4), ApprovalStatus.APPROVED)
    assert summary(YES, ApprovalGranted(), ApprovalUsed()).is_used


def test_approvals_survive_being_kept_as_json() -> None:
    assert ApprovalDetail.model_validate_json(render_view(detail(YES))) == detail(YES)
    assert ApprovalSummary.model_validate_json(render_whole(summary(YES))) == summary(YES)
    content = TypeAdapter(dict[str, Any]).validate_json(render_view(detail(YES)))
    assert (content["arguments"], content["used_at"]) == ({"what": "a lamp", "size": None}, None)


@pytest.mark.parametrize("project", [project_approval_summary, project_approval_detail])
def test_an_approval_that_is_missing_or_there_already_is_refused[View](project: Project[View]) -> None:
    with pytest.raises(ProjectionError, match="not there"):
        project(None, recorded(YES, 2))
    with pytest.raises(ProjectionError, match="is there at 1"):
        project(project(None, recorded(REQUESTED, 1)), recorded(REQUESTED, 1))


def test_every_event_makes_detail_and_lists_out_of_date() -> None:
    assert APPROVALS.tags(recorded(YES, 2)) == (f"approval_detail/{ID}", "approval_list/default")
