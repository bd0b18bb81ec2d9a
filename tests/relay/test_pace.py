"""The rest after a pass: none that anybody notices on a quiet line, and ever more is carried at once on a busy one."""

import pytest

from infrastructure.merging import average_of, rest_after
from outbox_relay.records import RelayPass
from outbox_relay.services.pace import Pause, after_pass

PASS_SECONDS = 0.004
"""What a pass takes besides its rest, about."""


def relayed(events: int, *, is_behind: bool = False) -> RelayPass:
    return RelayPass(shards={}, events=events, is_behind=is_behind, ahead=())


def rest_at(events_a_second: float) -> float:
    """Return the rest that passes at a steady rate come to."""
    pause = Pause()
    for _ in range(100):
        pause = after_pass(pause, relayed(round(events_a_second * (PASS_SECONDS + pause.linger))))
    return pause.linger


def test_the_rest_grows_with_the_square_of_what_was_carried_up_to_the_longest() -> None:
    rests = [rest_after(carried, first_seconds=0.001, longest_seconds=0.02) for carried in (0, 1, 2, 4, 5, 1_000)]
    assert rests == pytest.approx([0, 0.001, 0.004, 0.016, 0.02, 0.02])


@pytest.mark.parametrize(("rate", "at_least", "at_most"), [(30, 0, 0.0001), (300, 0, 0.0002), (1_300, 0.02, 0.02)])
def test_a_relay_hardly_rests_at_three_hundred_events_a_second_and_longest_at_thirteen_hundred(
    rate: int, at_least: float, at_most: float
) -> None:
    assert at_least <= rest_at(rate) <= at_most


def test_one_hold_up_is_no_reason_to_rest() -> None:
    pause = Pause()
    for events in (1, 1, 1, 1, 20):
        pause = after_pass(pause, relayed(events))
    assert pause.linger < 0.002
    assert average_of(1, 20) < 6


def test_a_relay_that_is_behind_never_rests() -> None:
    assert after_pass(Pause(0.02, 0.2, 30), relayed(1, is_behind=True)) == Pause(carried=30)


def test_a_relay_with_nothing_to_do_polls_ever_more_slowly_up_to_five_times_a_second() -> None:
    pause, waits = Pause(), []
    for _ in range(8):
        pause = after_pass(pause, relayed(0))
        waits.append(pause.wait)
    assert waits == pytest.approx([0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.2, 0.2])
    assert after_pass(pause, relayed(1)).wait == pytest.approx(0.005)
