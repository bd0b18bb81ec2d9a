"""Spending without an event: it only adds up, so that many reports may count against one budget at a time."""

from decimal import Decimal

import pytest

from contracts.events import BudgetExhausted
from domain.budget import evolve_budget
from tests.domain.budget_samples import budget
from tests.domain.samples import NOON


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
