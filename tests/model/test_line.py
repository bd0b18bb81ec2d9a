"""Every state within the bounds keeps the promises; with any one protection taken away some state breaks them.

The larger bounds take a minute: BUREAU_FULL_FAULTS=1 in the environment explores them too.
"""

import os
from dataclasses import replace

import pytest

from tests.model.explorer import explore
from tests.model.line import Bounds, Protections
from tests.model.promises import make_machine

WRITING = Bounds(commands=(("a", "b"), ("a", "c")), rollbacks=1, lost_answers=1)
CARRYING = Bounds(commands=(("a", "b"), ("c",)), relays=2, lost_calls=2, losses=2)
APPLYING = Bounds(commands=(("a", "b", "c"),), projectors=2, losses=1, lost_calls=1, deaths=1)
GOING_BACK = Bounds(commands=(("a", "b", "c"),), projectors=1, lost_calls=1, restores=1)
GOING_BACK_WITH_LOSSES = replace(GOING_BACK, losses=1)
GOING_BACK_TWICE = replace(GOING_BACK, lost_calls=0, restores=2)
REMEMBERING = Bounds(commands=(("a", "b"), ("c",)), relays=0, projectors=2, batch=1, restores=1, has_memory=True)

WRITING_AND_CARRYING = replace(WRITING, relays=2, lost_calls=1)
TWO_OF_EVERYTHING = Bounds(commands=(("a", "b"), ("c",)), relays=2, projectors=2, losses=1)
GOING_BACK_UNDER_TWO_RELAYS = replace(GOING_BACK, relays=2)
GOING_BACK_REMEMBERING = replace(GOING_BACK, lost_calls=0, projectors=2, has_memory=True)


@pytest.mark.parametrize(
    "bounds",
    [WRITING, CARRYING, APPLYING, GOING_BACK, GOING_BACK_WITH_LOSSES, GOING_BACK_TWICE, REMEMBERING],
    ids=["writing", "carrying", "applying", "going back", "with losses", "twice", "remembering"],
)
def test_no_state_within_the_bounds_breaks_a_promise_or_is_a_dead_end(bounds: Bounds) -> None:
    explored = explore(make_machine(bounds, Protections()))
    assert (explored.wrong, explored.trace) == ("", ())
    assert explored.states > 4_000


@pytest.mark.faults
@pytest.mark.slow
@pytest.mark.skipif("BUREAU_FULL_FAULTS" not in os.environ, reason="a minute; set BUREAU_FULL_FAULTS=1")
@pytest.mark.parametrize(
    "bounds",
    [WRITING_AND_CARRYING, TWO_OF_EVERYTHING, GOING_BACK_UNDER_TWO_RELAYS, GOING_BACK_REMEMBERING],
    ids=["writing and carrying", "two of everything", "going back under two relays", "going back remembering"],
)
def test_no_state_within_larger_bounds_breaks_a_promise_either(bounds: Bounds) -> None:
    explored = explore(make_machine(bounds, Protections()), most_states=2_000_000)
    assert (explored.wrong, explored.trace) == ("", ())
    assert explored.states > 40_000


@pytest.mark.parametrize(
    ("bounds", "missing"),
    [
        (WRITING, "has_gapless_shard"),
        (WRITING, "has_strict_receipt"),
        (CARRYING, "has_compare_and_append"),
        (GOING_BACK, "has_event_comparison"),
        (GOING_BACK, "has_epoch_of_row"),
        (APPLYING, "has_fence"),
        (APPLYING, "has_common_transaction"),
        (GOING_BACK, "has_event_fence"),
        (REMEMBERING, "has_memory_fence"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_without_one_protection_some_state_is_wrong(bounds: Bounds, missing: str) -> None:
    explored = explore(make_machine(bounds, replace(Protections(), **{missing: False})))
    assert explored.wrong
    assert len(explored.trace) > 3
