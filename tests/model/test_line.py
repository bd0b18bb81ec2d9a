"""Every state within the bounds keeps the promises; with any one protection taken away some state breaks them.

The larger bounds take a minute: BUREAU_FULL_FAULTS=1 in the environment explores them too.
"""

import os
import re
from dataclasses import replace

import pytest

from tests.model.explorer import explore
from tests.model.line import Bounds, Event, Protections
from tests.model.promises import make_machine

_A = re.escape(str(Event("a", 0)))

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
    ("bounds", "missing", "wrong", "last"),
    [
        (WRITING, "has_gapless_shard", r"the log has the positions \[2\]", "writer 1 commits a"),
        (WRITING, "has_strict_receipt", r"carried out twice: \['a'\]", "writer 1 commits a"),
        (CARRYING, "has_compare_and_append", "the stream has .*, the log has not", "relay 1 appends"),
        (GOING_BACK, "has_event_comparison", "the stream has .* behind a lost entry", "relay 0 appends"),
        (GOING_BACK, "has_epoch_of_row", "the stream has .*, which the log wrote in epoch 2", "relay 0 appends"),
        (APPLYING, "has_fence", rf"the view has \[{_A}, {_A}\], the log up to 1 \[{_A}\]", "projector 1 saves"),
        (APPLYING, "has_common_transaction", rf"the view has \[{_A}\], the log up to 0 \[\]", "projector 0 saves"),
        (GOING_BACK, "has_event_fence", rf"the view has \[{_A}\], the log up to 1 \[\]", "projector 0 saves"),
        (
            REMEMBERING,
            "has_memory_fence",
            rf"the view has \[{_A}, .*\], the log up to 2 \[.*'b'.*\]",
            "projector 0 saves",
        ),
    ],
    ids=lambda value: value if str(value).startswith("has_") else "",
)
def test_without_one_protection_that_promise_is_broken_which_it_protects(
    bounds: Bounds, missing: str, wrong: str, last: str
) -> None:
    explored = explore(make_machine(bounds, replace(Protections(), **{missing: False})))
    assert re.fullmatch(wrong, explored.wrong), explored
    assert explored.trace[-1] == last
