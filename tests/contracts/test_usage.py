"""Adding up what was used."""

from decimal import Decimal
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.usage import Usage, UsageTotal, add_usage

_USAGES = st.builds(
    Usage,
    input_tokens=st.integers(0, 10**15),
    output_tokens=st.integers(0, 10**6),
    duration_ms=st.integers(0, 10**6),
    cost=st.decimals(0, 10**6, places=9),
    currency=st.sampled_from(["USD", "EUR", "JPY"]),
)


def test_costs_of_two_currencies_are_not_added() -> None:
    first = add_usage(UsageTotal(), Usage(cost=Decimal("0.1"), currency="USD"))
    second = add_usage(first, Usage(cost=Decimal("0.2"), currency="EUR"))

    assert second.cost == {"USD": Decimal("0.1"), "EUR": Decimal("0.2")}


def test_a_cost_of_nothing_names_no_currency() -> None:
    assert add_usage(UsageTotal(), Usage(currency="EUR", input_tokens=3)) == UsageTotal(input_tokens=3)


def test_cents_are_added_exactly() -> None:
    total = reduce(add_usage, [Usage(cost=Decimal("0.1"))] * 30, UsageTotal())

    assert total.cost == {"USD": Decimal(3)}


def test_adding_leaves_the_total_that_was_given_as_it_was() -> None:
    total = UsageTotal(cost={"USD": Decimal(1)})

    add_usage(total, Usage(cost=Decimal(1)))
    assert total == UsageTotal(cost={"USD": Decimal(1)})


@given(st.lists(_USAGES, max_size=20), st.randoms(use_true_random=False))
def test_the_order_of_reports_does_not_matter(usages: list[Usage], shuffler: object) -> None:
    shuffled = list(usages)
    shuffler.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis hands out a random.Random

    total = reduce(add_usage, usages, UsageTotal())
    assert total == reduce(add_usage, shuffled, UsageTotal())
    assert total.input_tokens == sum(usage.input_tokens for usage in usages)
    assert sum(total.cost.values()) == sum(usage.cost for usage in usages)


@given(st.lists(_USAGES, max_size=5))
def test_a_total_comes_back_from_json_exactly(usages: list[Usage]) -> None:
    total = reduce(add_usage, usages, UsageTotal())

    assert UsageTotal.model_validate_json(total.model_dump_json()) == total
    assert all(Usage.model_validate_json(usage.model_dump_json(exclude_none=True)) == usage for usage in usages)


@pytest.mark.parametrize(
    "fields",
    [
        {"input_tokens": -1},
        {"tool_calls": 10**15 + 1},
        {"cost": "-0.01"},
        {"cost": "NaN"},
        {"cost": "Infinity"},
        {"cost": "0.0000000001"},
        {"cost": "1234567890123456789"},
        {"currency": "usd"},
        {"currency": "EURO"},
        {"currency": "EUR\n"},
        {"tokens": 1},
    ],
)
def test_an_impossible_amount_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Usage.model_validate(fields)
