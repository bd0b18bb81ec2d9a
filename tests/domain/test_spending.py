"""Spending without an event: it only adds up, so that many reports may count against one budget at a time."""

from datetime import timedelta
from decimal import Decimal

import pytest

from contracts.events import BudgetExhausted, BudgetNearlySpent, Event
from domain.budget import SetBudget, SpendRecorded, evolve_budget
from tests.domain.budget_samples import budget, budget_set
from tests.domain.samples import NOON
from tests.domain.scenario import given_budget


@pytest.mark.parametrize(("before", "after", "below"), [("0", "7.9", "8"), ("8", "9", "10"), ("12", "13", None)])
def test_spending_that_brings_no_event_only_adds_as_long_as_it_stays_below_the_next_one(
    before: str, after: str, below: str | None
) -> None:
    old, new = (budget().model_copy(update={"spent": Decimal(spent)}) for spent in (before, after))

    spent = new.spend_since(old)

    assert spent is not None
    assert (spent.amount, spent.window_began) == (Decimal(after) - Decimal(before), None)
    assert spent.below == (None if below is None else Decimal(below))


def test_an_event_or_a_new_window_is_more_than_spending() -> None:
    old = budget(window="day")
    exhausted = evolve_budget(old, BudgetExhausted(spent=Decimal(10), amount=Decimal(10)))
    later = old.model_copy(update={"window_began": NOON})

    assert exhausted.spend_since(old) is None
    assert later.spend_since(old) is None
    assert old.spend_since(old) is not None


@pytest.mark.parametrize(
    ("spent", "passed"),
    [("7.999", None), ("8", BudgetNearlySpent), ("9.999", BudgetNearlySpent), ("10", BudgetExhausted)],
)
def test_a_budget_begins_with_what_is_given_as_spent(
    spent: str, passed: type[BudgetNearlySpent | BudgetExhausted] | None
) -> None:
    event = budget_set(spent=spent, window="day")
    changes: list[Event | SpendRecorded] = [
        event,
        SpendRecorded(spent=Decimal(spent), window_began=NOON.replace(hour=0)),
    ]
    changes += [] if passed is None else [passed(spent=Decimal(spent), amount=Decimal(10))]
    new = given_budget().when(SetBudget(at=NOON, **event.model_dump())).then(*changes)

    assert new is not None
    tomorrow = NOON + timedelta(days=1)
    assert (new.spent_in_window(NOON), new.spent_in_window(tomorrow)) == (Decimal(spent), Decimal(0))
    assert (new.is_exhausted(NOON), new.is_exhausted(tomorrow)) == (passed is BudgetExhausted, False)
    assert new.generation == len(changes) - 1
