"""What a decision relied on and does not change, so that the store must see to it that it still stands. Pure.

A lease relies on the budgets over its task letting work go on; a usage report on there being no budget that it does not
count for. Both are saved only where no budget of their scopes has come or had an event since they were loaded.
"""

from collections.abc import Sequence

from command_api.services.aggregates import Facts
from command_api.services.command_request import Outcome
from contracts.events import TaskUsageReported
from domain.reactions import scopes_over
from domain.task import LeaseTask, Task
from infrastructure.write_store import BudgetGuard

__all__ = ["guard_of"]


def guard_of(outcomes: Sequence[Outcome], facts: Facts) -> BudgetGuard:
    """Return the guard of accepted outcomes; an empty one where no task is leased and no usage reported."""
    scopes = {
        scope
        for outcome in outcomes
        if isinstance(outcome.state, Task) and _relies_on_budgets(outcome)
        for scope in scopes_over(outcome.state)
    }
    seen = [(budget.budget_id, budget.generation) for budget in facts.budgets.values() if budget.scope in scopes]
    return BudgetGuard(sorted(scopes), seen)


def _relies_on_budgets(outcome: Outcome) -> bool:
    """Tell whether a task was leased, or used something."""
    is_leased = isinstance(outcome.assignment.command, LeaseTask)
    return is_leased or any(isinstance(event, TaskUsageReported) for event in outcome.events)
