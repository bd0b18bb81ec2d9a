"""Amounts are said as plain decimals, whatever they were written as."""

from decimal import Decimal

import pytest

from contracts.events import BudgetChanged, BudgetExhausted, BudgetNearlySpent
from contracts.usage import Usage, UsageTotal

_WRITTEN = [("1E-9", "0.000000001"), ("2.5E+2", "250"), ("25.00", "25.00"), ("0E-9", "0.000000000"), ("7", "7")]


@pytest.mark.parametrize(("written", "said"), _WRITTEN)
def test_events_say_amounts_without_exponents(written: str, said: str) -> None:
    amount = Decimal(written)
    events = [
        BudgetChanged(amount=amount, on_breach="input", spent=amount),
        BudgetExhausted(amount=amount, spent=amount),
        BudgetNearlySpent(amount=amount, spent=amount),
    ]

    for event in events:
        told = event.model_dump(mode="json")
        assert (told["amount"], told["spent"]) == (said, said)
        assert type(event).model_validate_json(event.model_dump_json()) == event


@pytest.mark.parametrize(("written", "said"), _WRITTEN)
def test_usage_says_costs_without_exponents(written: str, said: str) -> None:
    assert Usage(cost=Decimal(written)).model_dump(mode="json")["cost"] == said
    assert UsageTotal(cost={"EUR": Decimal(written)}).model_dump(mode="json")["cost"] == {"EUR": said}
