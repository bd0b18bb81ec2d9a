"""From a decision to what the store writes of an aggregate. Pure."""

from command_api.services.aggregates import Facts
from command_api.services.command_request import Outcome
from domain.budget import Budget, Spend
from infrastructure.write_store import SPENT, AggregateChange

__all__ = ["change_of"]


def change_of(outcome: Outcome, facts: Facts) -> AggregateChange:
    """Return an aggregate's new state, or what was spent of a budget where nothing else happened to it.

    Many reports count against one budget at a time: what only adds up need not be decided on again for each other.
    """
    assert outcome.state is not None  # noqa: S101 - what has changed exists
    kind, aggregate_id, _ = outcome.assignment
    spend = _spend(outcome, facts)
    return AggregateChange(
        aggregate_id=aggregate_id,
        kind=kind,
        expected_revision=SPENT if spend else facts.revisions.get(aggregate_id, 0),
        generation=outcome.state.generation,
        state=(spend or outcome.state).model_dump_json(),
    )


def _spend(outcome: Outcome, facts: Facts) -> Spend | None:
    """Return what was spent of a budget, None where another aggregate changed or more happened."""
    before = facts.budgets.get(outcome.assignment.aggregate_id)
    return outcome.state.spend_since(before) if before and isinstance(outcome.state, Budget) else None
