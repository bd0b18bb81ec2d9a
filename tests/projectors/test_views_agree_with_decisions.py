"""Random histories of a small world: whatever is decided, the views that come of the events say the same.

The views are folds of their own, written without the domain; here both are held against each other after each step.
"""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any, cast
from uuid import UUID

from hypothesis import HealthCheck, settings

from command_api.services.aggregates import Command
from command_api.services.command_request import Outcome
from contracts.a2a import TERMINAL_STATES
from contracts.budgets import BudgetStatus
from contracts.events import Event, TaskUsageReported
from contracts.record import Record
from contracts.views import ApprovalDetail, ApprovalSummary, BudgetDetail, TaskDetail, TaskSummary
from domain.agent import Agent
from domain.approval import Approval
from domain.budget import Budget
from domain.task import Task
from projectors.projections import PROJECTIONS, Recorded
from projectors.projections.usage import add_usage_report
from tests.domain.test_world import SmallWorld
from tests.domain.world import World

_VIEWS = [
    (table, projection.event_types)
    for projection in PROJECTIONS
    if projection.name in {"tasks", "task_detail", "approvals", "budgets"}
    for table in projection.views
]


class ProjectedWorld(World):
    """A world whose events are projected as they come, each view kept as JSON in between."""

    def __init__(self, agent: Agent) -> None:
        super().__init__(agent)
        self.views: defaultdict[str, dict[UUID, Any]] = defaultdict(dict)
        self.figures: defaultdict[tuple[object, ...], list[Any]] = defaultdict(lambda: [0] * 8)

    def run(self, *assignments: tuple[str, UUID, Command]) -> list[Outcome]:
        outcomes = super().run(*assignments)
        for outcome in outcomes:
            key, state = outcome.assignment.aggregate_id, outcome.state
            if state is not None and outcome.events:
                self.project(key, state.generation - len(outcome.events) + 1, outcome.events)
        for task_id, task in self.tasks.items():
            self.check_task(task_id, task)
        self.check_usage()
        for approval_id, approval in self.approvals.items():
            self.check_approval(approval_id, approval)
        for budget_id, budget in self.budgets.items():
            self.check_budget(budget_id, budget)
        return outcomes

    def project(self, key: UUID, first: int, events: Sequence[Event]) -> None:
        for generation, event in enumerate(events, start=first):
            recorded = Recorded(
                event_id=UUID(int=generation),
                type=event.type,
                time=self.now,
                generation=generation,
                workspace_id="default",
                aggregate_id=key,
                event=event,
                read_data=partial(bytes, event.model_dump_json(), "utf-8"),
            )
            if isinstance(event, TaskUsageReported):
                for row, amounts in add_usage_report(cast("Recorded[TaskUsageReported]", recorded)):
                    self.figures[row] = [a + b for a, b in zip(self.figures[row], amounts, strict=True)]
            for table, event_types in _VIEWS:
                if event.type in event_types:
                    view = table.project(self.views[table.table].get(key), recorded)
                    assert view is not None
                    self.views[table.table][key] = table.view.model_validate_json(table.render(view))

    def view[View: Record](self, table: str, _type: type[View], key: UUID) -> View:
        return cast("View", self.views[table][key])

    def check_task(self, task_id: UUID, task: Task) -> None:
        detail, summary = (
            self.view("task_detail", TaskDetail, task_id),
            self.view("task_list", TaskSummary, task_id),
        )
        assert (detail.status.state, detail.attempt, detail.generation) == (task.state, task.attempt, task.generation)
        assert (summary.state, summary.attempt, summary.generation) == (task.state, task.attempt, task.generation)
        assert (detail.attempts, detail.deadline) == (task.attempts, task.deadline)
        assert (detail.finished_at is not None) == (task.state in TERMINAL_STATES)
        assert detail.attempt_started_at == (None if task.state in TERMINAL_STATES else task.attempt_started_at)
        if task.waiting is None:
            assert detail.waiting is None
        else:
            assert detail.waiting is not None
            assert detail.waiting.kind == task.waiting.kind
            assert (detail.waiting.request_id or detail.waiting.approval_id) == task.waiting.request_id
            assert detail.waiting.expires_at == task.waiting.expires_at
            assert detail.waiting.answer_schema == task.waiting.answer_schema

    def check_usage(self) -> None:
        """Check that the figures of all, and of each context, are the sum of their tasks."""
        for context_id in (None, *{task.context_id for task in self.tasks.values()}):
            tasks = [task for task in self.tasks.values() if context_id in {None, task.context_id}]
            cost: defaultdict[str, Decimal] = defaultdict(Decimal)
            for task in tasks:
                for currency, spent in self.view("task_detail", TaskDetail, task.task_id).usage.cost.items():
                    cost[currency] += spent
            rows = {key: row for key, row in self.figures.items() if key[2] == (context_id or "")}
            rows = {key: row for key, row in rows.items() if bool(key[1]) == bool(context_id)}
            assert sum(row[0] for row in rows.values()) == sum(task.reports > 0 for task in tasks)
            assert sum(row[1] for row in rows.values()) == sum(task.reports for task in tasks)
            assert {key[4]: row[-1] for key, row in rows.items() if row[-1]} == cost

    def check_approval(self, approval_id: UUID, approval: Approval) -> None:
        detail, summary = (
            self.view("approval_detail", ApprovalDetail, approval_id),
            self.view("approval_list", ApprovalSummary, approval_id),
        )
        expected = (approval.status, approval.is_used, approval.generation, approval.expires_at)
        assert (detail.status, detail.is_used, detail.generation, detail.expires_at) == expected
        assert (summary.status, summary.is_used, summary.generation, summary.expires_at) == expected
        assert [(vote.by, vote.decision) for vote in detail.votes] == [
            (vote.by, vote.decision) for vote in approval.votes
        ]
        assert summary.approvals + summary.refusals == len(approval.votes)

    def check_budget(self, budget_id: UUID, budget: Budget) -> None:
        view = self.view("budgets", BudgetDetail, budget_id)
        assert (view.amount, view.on_breach, view.generation) == (budget.amount, budget.on_breach, budget.generation)
        assert (view.status is BudgetStatus.REMOVED) == (budget.status is BudgetStatus.REMOVED)
        is_over = view.exhausted_until is not None and view.exhausted_until <= self.now
        assert (view.status is BudgetStatus.EXHAUSTED and not is_over) == budget.is_exhausted(self.now)


class ProjectedSmallWorld(SmallWorld):
    def __init__(self) -> None:
        super().__init__()
        self.world = ProjectedWorld(self.world.agent)


ProjectedSmallWorld.TestCase.settings = settings(
    max_examples=100,
    stateful_step_count=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestProjectedSmallWorld = ProjectedSmallWorld.TestCase
