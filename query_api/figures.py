"""From sums to the answers that show them. Pure."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby
from urllib.parse import quote

from contracts.a2a import TaskState
from contracts.usage import UsageTotal
from contracts.views import ContextSummary, ModelUsage, UsageFigures
from infrastructure.read_queries_figures import FoundContext, FoundSpend, FoundUsage, UsageFilter

__all__ = ["render_context", "render_usage"]


def _total(spent: Iterable[FoundSpend]) -> UsageTotal:
    """Return sums added up; cost stands by currency, and not where nothing was spent."""
    parts = list(spent)
    cost: dict[str, Decimal] = {}
    for part in parts:
        if part.cost:
            cost[part.currency] = cost.get(part.currency, Decimal(0)) + part.cost
    return UsageTotal(
        input_tokens=sum(part.input_tokens for part in parts),
        output_tokens=sum(part.output_tokens for part in parts),
        cached_input_tokens=sum(part.cached_input_tokens for part in parts),
        tool_calls=sum(part.tool_calls for part in parts),
        duration_ms=sum(part.duration_ms for part in parts),
        cost=cost,
    )


def render_usage(wanted: UsageFilter, found: FoundUsage) -> bytes:
    """Return `UsageFigures` as JSON; models by name, what was reported without one last."""
    by_model = [(model, list(parts)) for model, parts in groupby(found.spent, key=lambda part: part.model)]
    figures = UsageFigures(
        agent_id=wanted.agent_id,
        context_id=wanted.context_id,
        tasks=found.tasks,
        reports=sum(part.reports for part in found.spent),
        usage=_total(found.spent),
        by_model=tuple(
            ModelUsage(model=model, reports=sum(part.reports for part in parts), usage=_total(parts))
            for model, parts in by_model
        ),
    )
    return figures.model_dump_json().encode()


def render_context(context_id: str, found: FoundContext) -> bytes:
    """Return `ContextSummary` as JSON."""
    summary = ContextSummary(
        context_id=context_id,
        tasks=sum(found.by_state.values()),
        by_state={TaskState(state): tasks for state, tasks in found.by_state.items()},
        first_submitted_at=found.first_submitted_at,
        last_submitted_at=found.last_submitted_at,
        tasks_url=f"/api/v1/tasks?context_id={quote(context_id, safe='')}",
    )
    return summary.model_dump_json().encode()
