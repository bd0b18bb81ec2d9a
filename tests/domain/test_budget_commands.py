"""What the commands of a budget lead to, edge cases first."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import get_args

import pytest

from contracts.budgets import BudgetStatus
from contracts.events import BudgetChanged, BudgetExhausted, BudgetNearlySpent, BudgetRemoved
from domain.budget import (
    Budget,
    BudgetCommand,
    RemoveBudget,
    SetBudget,
    SpendRecorded,
    evolve_budget,
    require_unspent_budgets,
)
from domain.rejection import Conflict, NotFound
from tests.domain.budget_samples import budget, budget_set, change, spend, spent_budget
from tests.domain.samples import NOON
from tests.domain.scenario import given_budget, given_this_budget

SET = SetBudget(at=NOON, **budget_set().model_dump())
REMOVE = RemoveBudget(at=NOON)
MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)
LAST_MOMENT = datetime(2026, 11, 22, 23, 59, 59, 999999, tzinfo=UTC)
NEXT_DAY = datetime(2026, 11, 23, tzinfo=UTC)


def recorded(spent: str, window_began: datetime | None = None) -> SpendRecorded:
    return SpendRecorded(spent=Decimal(spent), window_began=window_began)


def nearly(spent: str) -> BudgetNearlySpent:
    return BudgetNearlySpent(spent=Decimal(spent), amount=Decimal(10))


def exhausted(spent: str) -> BudgetExhausted:
    return BudgetExhausted(spent=Decimal(spent), amount=Decimal(10))


def test_a_new_budget_is_unspent() -> None:
    new = given_budget().when(SET).then(budget_set())

    assert new is not None
    assert (new.status, new.spent, new.generation, new.exhausted_until) == (BudgetStatus.ACTIVE, Decimal(0), 1, None)


@pytest.mark.parametrize("cost", ["0", "0.000"])
def test_a_report_without_cost_changes_nothing(cost: str) -> None:
    given_budget(budget_set()).when(spend(cost)).then()


def test_a_report_in_another_currency_is_not_added() -> None:
    given_budget(budget_set()).when(spend("1000", currency="EUR")).then()


def test_spend_is_counted_and_is_no_event() -> None:
    after = given_budget(budget_set(), recorded("3")).when(spend("4.999999999")).then(recorded("7.999999999"))

    assert after is not None
    assert (after.spent, after.generation, after.status) == (Decimal("7.999999999"), 1, BudgetStatus.ACTIVE)


def test_the_report_that_reaches_the_warning_warns_and_the_next_does_not() -> None:
    warned = given_budget(budget_set(), recorded("7")).when(spend("1")).then(recorded("8"), nearly("8"))

    assert warned is not None
    assert (warned.status, warned.generation) == (BudgetStatus.ACTIVE, 2)
    given_this_budget(warned).when(spend("1")).then(recorded("9"))


@pytest.mark.parametrize(("cost", "spent"), [("3", "10"), ("3.000000001", "10.000000001")])
def test_the_report_that_reaches_the_amount_breaches_it(cost: str, spent: str) -> None:
    breached = given_budget(budget_set(), recorded("7")).when(spend(cost)).then(recorded(spent), exhausted(spent))

    assert breached is not None
    assert breached.is_exhausted(NOON)
    assert breached.exhausted_until == 2**62


def test_the_last_cent_below_the_amount_breaches_nothing() -> None:
    left = given_budget(budget_set(), recorded("9")).when(spend("0.999999999")).then(recorded("9.999999999"))

    assert left is not None
    assert not left.is_exhausted(NOON)


def test_a_report_past_warning_and_amount_at_once_only_breaches() -> None:
    given_budget(budget_set()).when(spend("11")).then(recorded("11"), exhausted("11"))


def test_a_warning_at_the_whole_amount_is_the_breach() -> None:
    given_budget(budget_set(warn_fraction=1), recorded("9")).when(spend("1")).then(recorded("10"), exhausted("10"))


def test_spend_after_a_breach_is_counted_and_breaches_no_second_time() -> None:
    after = given_this_budget(spent_budget("12")).when(spend("5")).then(recorded("17"))

    assert after is not None
    assert (after.spent, after.status) == (Decimal(17), BudgetStatus.EXHAUSTED)


@pytest.mark.parametrize(("window", "end"), [("day", NEXT_DAY), ("month", datetime(2026, 12, 1, tzinfo=UTC))])
def test_a_window_that_is_over_lets_work_go_on(window: str, end: datetime) -> None:
    breached = spent_budget("12", window=window)

    assert breached.exhausted_until == int(end.timestamp()) * 1_000_000
    assert breached.is_exhausted(LAST_MOMENT)
    assert not breached.is_exhausted(end)
    assert (breached.spent_in_window(LAST_MOMENT), breached.spent_in_window(end)) == (Decimal(12), Decimal(0))


def test_the_first_report_of_a_day_begins_at_nothing() -> None:
    after = given_this_budget(spent_budget("12", window="day")).when(spend("1", NEXT_DAY)).then(recorded("1", NEXT_DAY))

    assert after is not None
    assert (after.status, after.exhausted_until) == (BudgetStatus.ACTIVE, None)


def test_a_day_that_begins_with_a_breach_is_breached() -> None:
    yesterday = spent_budget("12", window="day")

    given_this_budget(yesterday).when(spend("10", NEXT_DAY)).then(recorded("10", NEXT_DAY), exhausted("10"))


def test_the_last_moment_of_a_day_counts_for_it() -> None:
    today = given_budget(budget_set(window="day"), recorded("7", MIDNIGHT))

    today.when(spend("3", LAST_MOMENT)).then(recorded("10", MIDNIGHT), exhausted("10"))
    today.when(spend("3", NEXT_DAY)).then(recorded("3", NEXT_DAY))


def test_a_month_has_its_own_length() -> None:
    december = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    breached = spent_budget("12", at=december, window="month")

    assert breached.exhausted_until == int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize("command", [change(), change("10"), change("10.00", on_breach="input")])
def test_a_change_to_what_stands_changes_nothing(command: BudgetCommand) -> None:
    given_budget(budget_set()).when(command).then()


def changed(amount: str, spent: str = "12", on_breach: str = "input") -> BudgetChanged:
    return BudgetChanged.model_validate({"amount": amount, "on_breach": on_breach, "spent": spent})


def test_a_budget_raised_above_its_spend_lets_work_go_on() -> None:
    raised = given_this_budget(spent_budget("12")).when(change("12.000000001")).then(changed("12.000000001"))

    assert raised is not None
    assert (raised.status, raised.spent) == (BudgetStatus.ACTIVE, Decimal(12))
    require_unspent_budgets((raised,), NOON)


@pytest.mark.parametrize("amount", ["11", "12"])
def test_a_budget_that_is_not_raised_above_its_spend_stays_spent(amount: str) -> None:
    raised = given_this_budget(spent_budget("12")).when(change(amount)).then(changed(amount))

    assert raised is not None
    assert raised.is_exhausted(NOON)


def test_a_raised_budget_warns_and_breaches_anew() -> None:
    raised = given_this_budget(given_this_budget(spent_budget("12")).when(change("20")).after)

    warned = raised.when(spend("4")).then(recorded("16"), BudgetNearlySpent(spent=Decimal(16), amount=Decimal(20)))
    given_this_budget(warned).when(spend("4")).then(
        recorded("20"), BudgetExhausted(spent=Decimal(20), amount=Decimal(20))
    )


def test_a_budget_lowered_to_its_spend_stops_work_at_once() -> None:
    lowered = given_budget(budget_set(), recorded("5")).when(change("5")).then(changed("5", spent="5"))

    assert lowered is not None
    assert lowered.exhausted_until == 2**62
    with pytest.raises(Conflict) as refusal:
        require_unspent_budgets((budget(), lowered), NOON)
    assert refusal.value.code == "budget_exhausted"


def test_a_change_on_the_next_day_knows_nothing_of_the_last() -> None:
    breached = given_this_budget(spent_budget("12", window="day"))

    after = breached.when(change("5", NEXT_DAY)).then(changed("5", spent="0"))
    assert after is not None
    assert (after.status, after.exhausted_until) == (BudgetStatus.ACTIVE, None)


def test_what_a_breach_does_may_be_changed_alone() -> None:
    after = given_this_budget(spent_budget("12")).when(change(on_breach="fail")).then(changed("10", on_breach="fail"))

    assert after is not None
    assert (after.on_breach, after.is_exhausted(NOON)) == ("fail", True)


def test_a_removed_budget_bounds_nothing() -> None:
    removed = given_this_budget(spent_budget("12")).when(REMOVE).then(BudgetRemoved())

    assert removed is not None
    assert (removed.status, removed.exhausted_until) == (BudgetStatus.REMOVED, None)
    require_unspent_budgets((removed,), NOON)


SITUATIONS: dict[str, Budget | None] = {
    "missing": None,
    "active": budget(),
    "exhausted": spent_budget(),
    "removed": evolve_budget(budget(), BudgetRemoved()),
}
COMMANDS: dict[str, BudgetCommand] = {"set": SET, "change": change("11"), "remove": REMOVE, "spend": spend("1")}


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_situation_meets_every_command(situation: str, command: str) -> None:
    outcome = given_this_budget(SITUATIONS[situation]).when(COMMANDS[command])

    if situation in {"active", "exhausted"} and command != "set":
        assert len(outcome.changes or ()) == 1
    elif command != "set":
        outcome.then_rejected("budget_not_found", NotFound)
    elif situation != "missing":
        outcome.then_rejected("budget_exists", Conflict)
    else:
        outcome.then(budget_set())


def test_the_table_names_every_state_and_every_command() -> None:
    assert {state.status for state in SITUATIONS.values() if state is not None} == set(BudgetStatus)
    assert {type(command) for command in COMMANDS.values()} == set(get_args(BudgetCommand.__value__))


def test_an_event_of_a_budget_that_never_was_cannot_be_applied() -> None:
    with pytest.raises(NotFound):
        evolve_budget(None, BudgetRemoved())
