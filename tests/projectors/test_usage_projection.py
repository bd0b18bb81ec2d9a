"""Usage of a task, pure: given reports, when another comes, then its part of the figures is this."""

from decimal import Decimal
from uuid import UUID

import pytest

from contracts.a2a import Role
from contracts.events import TaskSubmitted, TaskUsageReported
from contracts.usage import Usage
from contracts.views import TaskUsage
from projectors.projections import ProjectionError
from projectors.projections.rendering import render_whole
from projectors.projections.usage import USAGE, project_task_usage
from tests.projectors.given import ID, recorded
from tests.projectors.stories import text_message

SUBMITTED = TaskSubmitted(
    task_id=ID,
    agent_id=UUID(int=2),
    context_id="context",
    message=text_message("How is it?", Role.USER),
    priority=5,
    max_attempts=3,
    metadata={},
    reference_task_ids=(),
)


def report(cost: str, model: str | None = "large", currency: str = "USD") -> TaskUsageReported:
    usage = Usage(input_tokens=10, tool_calls=1, cost=Decimal(cost), currency=currency, model=model)
    return TaskUsageReported(attempt=1, usage=usage)


def used(*reports: TaskUsageReported) -> TaskUsage:
    view = project_task_usage(None, recorded(SUBMITTED, 1))
    for generation, event in enumerate(reports):
        view = project_task_usage(view, recorded(event, 3 + 2 * generation))
    assert view is not None
    return view


def test_a_new_task_used_nothing_and_knows_whose_it_is() -> None:
    assert used() == TaskUsage(task_id=ID, agent_id=UUID(int=2), context_id="context", generation=1, spent=())


def test_reports_are_added_up_by_model_and_currency() -> None:
    spent = used(report("0.10"), report("0.20", "small"), report("0.30"), report("1", currency="EUR")).spent
    assert [(part.model, part.currency, part.reports, part.input_tokens, part.cost) for part in spent] == [
        ("large", "USD", 2, 20, Decimal("0.40")),
        ("small", "USD", 1, 10, Decimal("0.20")),
        ("large", "EUR", 1, 10, Decimal(1)),
    ]


def test_a_report_without_a_task_or_one_that_was_counted_is_refused() -> None:
    with pytest.raises(ProjectionError, match="not there"):
        project_task_usage(None, recorded(report("1"), 3))
    with pytest.raises(ProjectionError, match="is at 3"):
        project_task_usage(used(report("1")), recorded(report("1"), 3))


def test_a_tasks_usage_survives_being_kept_as_json() -> None:
    kept = used(report("0.10", None), report("0.000000001"))
    assert TaskUsage.model_validate_json(render_whole(kept)) == kept


def test_only_a_report_makes_figures_out_of_date() -> None:
    assert USAGE.tags(recorded(SUBMITTED, 1)) == ()
    assert USAGE.tags(recorded(report("1"), 2)) == ("usage/default",)
