"""Usage, pure: given a report, then this is what it adds to whose figures."""

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from contracts.events import TaskUsageReported
from contracts.usage import Usage
from projectors.projections import Addition
from projectors.projections.usage import USAGE, add_usage_report
from tests.projectors.given import recorded

AGENT = UUID(int=2)
USED = Usage(
    input_tokens=10,
    output_tokens=5,
    cached_input_tokens=3,
    tool_calls=2,
    duration_ms=700,
    cost=Decimal("0.10"),
    model="large",
)


def report(usage: Usage = USED, *, number: int | None = 1, agent_id: UUID | None = AGENT) -> TaskUsageReported:
    context_id = None if agent_id is None else "c-1"
    return TaskUsageReported(attempt=1, usage=usage, agent_id=agent_id, context_id=context_id, report=number)


def added(event: TaskUsageReported) -> list[Addition]:
    return list(add_usage_report(recorded(event, 3)))


def keys(additions: Iterable[Addition]) -> list[tuple[object, ...]]:
    return [addition.key for addition in additions]


def test_a_report_counts_for_all_for_its_agent_and_for_its_agent_in_its_context() -> None:
    additions = added(report())

    assert keys(additions) == [
        ("default", "", "", "large", "USD"),
        ("default", str(AGENT), "", "large", "USD"),
        ("default", str(AGENT), "c-1", "large", "USD"),
    ]
    assert {addition.amounts for addition in additions} == {(1, 1, 10, 5, 3, 2, 700, Decimal("0.10"))}


def test_a_task_is_counted_with_its_first_report_only() -> None:
    assert [added(report(number=number))[0].amounts[:2] for number in (1, 2, None)] == [(1, 1), (0, 1), (0, 1)]


def test_a_report_that_names_no_model_is_one_of_no_model() -> None:
    assert added(report(USED.model_copy(update={"model": None})))[0].key == ("default", "", "", "", "USD")


def test_a_report_of_before_agents_and_contexts_were_named_counts_for_all() -> None:
    assert keys(added(report(agent_id=None, number=None))) == [("default", "", "", "large", "USD")]


def test_a_report_makes_figures_out_of_date() -> None:
    assert USAGE.tags(recorded(report(), 2)) == ("usage/default",)
