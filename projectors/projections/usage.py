"""What was used, added up: by all, by each agent, and by each agent in each context, in one partial row a shard.

Nothing is kept of a single task: an event says whose usage it is, and whether it is its task's first report.
"""

from collections.abc import Iterator
from typing import Final

from contracts.events import Event, TaskUsageReported
from projectors.projections.projection import Addition, Projection, Recorded, SumTable

__all__ = ["USAGE", "add_usage_report"]

_ALL: Final = ""


def _places(event: TaskUsageReported) -> Iterator[tuple[str, str]]:
    """Return (agent, context) of the sums that a report counts for; without the two only for that of all."""
    yield _ALL, _ALL
    if event.agent_id is not None and event.context_id is not None:
        yield str(event.agent_id), _ALL
        yield str(event.agent_id), event.context_id


def add_usage_report(recorded: Recorded[TaskUsageReported]) -> Iterator[Addition]:
    """Return what a report adds: the amounts are tasks, reports, tokens (input, output, cached), calls, ms and cost."""
    event, usage = recorded.event, recorded.event.usage
    amounts = (
        int(event.report == 1),
        1,
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_input_tokens,
        usage.tool_calls,
        usage.duration_ms,
        usage.cost,
    )
    for agent, context in _places(event):
        yield Addition((recorded.workspace_id, agent, context, usage.model or "", usage.currency), amounts)


def _tags(recorded: Recorded[Event]) -> tuple[str, ...]:
    """Name the figures of the workspace."""
    return (f"usage/{recorded.workspace_id}",)


USAGE = Projection(
    name="usage",
    event_types=frozenset({TaskUsageReported.type}),
    tags=_tags,
    sums=(SumTable(table="usage_sums", add=add_usage_report),),
)
"""The projection `usage`."""
