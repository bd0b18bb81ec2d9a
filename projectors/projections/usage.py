"""What each task used: the part of an agent's and a context's figures that one root owns; queries add the parts up."""

from typing import assert_never

from contracts.events import Event, TaskSubmitted, TaskUsageReported
from contracts.usage import Usage
from contracts.views import SpentOnModel, TaskUsage
from projectors.projections.expectations import expect_nothing
from projectors.projections.projection import Projection, ProjectionError, Recorded, ViewTable
from projectors.projections.rendering import render_whole

__all__ = ["USAGE", "project_task_usage"]

type _UsageEvent = TaskSubmitted | TaskUsageReported


def _add(spent: SpentOnModel | None, usage: Usage) -> SpentOnModel:
    """Return what was spent on a model, with one more report in it."""
    return SpentOnModel(
        model=usage.model,
        currency=usage.currency,
        reports=1 + (spent.reports if spent else 0),
        input_tokens=usage.input_tokens + (spent.input_tokens if spent else 0),
        output_tokens=usage.output_tokens + (spent.output_tokens if spent else 0),
        cached_input_tokens=usage.cached_input_tokens + (spent.cached_input_tokens if spent else 0),
        tool_calls=usage.tool_calls + (spent.tool_calls if spent else 0),
        duration_ms=usage.duration_ms + (spent.duration_ms if spent else 0),
        cost=usage.cost + (spent.cost if spent else 0),
    )


def _reported(view: TaskUsage | None, recorded: Recorded[_UsageEvent], usage: Usage) -> TaskUsage:
    """Return a task's usage with one more report; the events in between bring no usage and don't come here."""
    if view is None or recorded.generation <= view.generation:
        where = "is not there" if view is None else f"is at {view.generation}"
        raise ProjectionError(
            f"{recorded.type} is generation {recorded.generation} of {recorded.aggregate_id}, {where}"
        )
    by_model = {(spent.model, spent.currency): spent for spent in view.spent}
    key = (usage.model, usage.currency)
    by_model[key] = _add(by_model.get(key), usage)
    return view.model_copy(update={"generation": recorded.generation, "spent": tuple(by_model.values())})


def project_task_usage(view: TaskUsage | None, recorded: Recorded[_UsageEvent]) -> TaskUsage | None:
    """Return a task's usage after an event."""
    event = recorded.event
    match event:
        case TaskSubmitted():
            expect_nothing(view, recorded)
            return TaskUsage(
                task_id=recorded.aggregate_id,
                agent_id=event.agent_id,
                context_id=event.context_id,
                generation=recorded.generation,
                spent=(),
            )
        case TaskUsageReported():
            return _reported(view, recorded, event.usage)
        case _:
            assert_never(event)


def _tags(recorded: Recorded[Event]) -> tuple[str, ...]:
    """Name the figures of the workspace; a submission changes none of them."""
    return (f"usage/{recorded.workspace_id}",) if isinstance(recorded.event, TaskUsageReported) else ()


USAGE = Projection(
    name="usage",
    event_types=frozenset({TaskSubmitted.type, TaskUsageReported.type}),
    tags=_tags,
    views=(
        ViewTable(
            table="task_usage",
            view=TaskUsage,
            project=project_task_usage,
            columns=lambda view: (view.agent_id, view.context_id),
            render=render_whole,
        ),
    ),
)
"""The projection `usage`."""
