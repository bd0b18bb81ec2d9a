"""Deciding: every assignment, and what follows from it in other aggregates. Pure."""

from collections import deque
from collections.abc import Sequence
from uuid import UUID

from command_api.services.aggregates import AGGREGATE_TYPES, Facts, State, react
from command_api.services.command_request import Assignment, Outcome
from contracts.events import Event
from domain.rejection import Rejection

__all__ = ["decide_all"]


def decide_all(assignments: Sequence[Assignment], facts: Facts, *, is_lenient: bool) -> list[Outcome]:
    """Return what becomes of the assignments, in their order, then of what follows from them; one outcome an aggregate.

    A refused assignment raises its Rejection, or is left out where `is_lenient`; what follows from an accepted one is
    part of it, so its refusal is always raised.
    """
    outcomes: dict[UUID, Outcome] = {}
    waiting = deque((assignment, is_lenient) for assignment in assignments)
    while waiting:
        assignment, may_be_refused = waiting.popleft()
        before = outcomes.get(assignment.aggregate_id)
        state = before.state if before else facts.state_of(assignment.kind, assignment.aggregate_id)
        outcome = _decide(assignment, state, may_be_refused=may_be_refused)
        outcomes[assignment.aggregate_id] = _joined(before, outcome)
        if outcome.rejection is None:
            follows = react(assignment.command, outcome.state, outcome.events, facts)
            waiting.extend((Assignment(*reaction), False) for reaction in follows)
    return list(outcomes.values())


def _decide(assignment: Assignment, state: State | None, *, may_be_refused: bool) -> Outcome:
    """Decide one assignment and evolve its aggregate."""
    aggregate = AGGREGATE_TYPES[assignment.kind]
    try:
        changes = aggregate.decide(assignment.command, state)
    except Rejection as rejection:
        if not may_be_refused:
            raise
        return Outcome(assignment, state, (), has_changed=False, rejection=rejection)
    for change in changes:
        state = aggregate.evolve(state, change)
    events = tuple(change for change in changes if isinstance(change, Event))
    return Outcome(assignment, state, events, has_changed=bool(changes), rejection=None)


def _joined(before: Outcome | None, outcome: Outcome) -> Outcome:
    """Return one outcome for an aggregate that two commands changed; what is answered is the first's, as it ends."""
    if before is None or before.rejection is not None:
        return outcome
    return before._replace(
        state=outcome.state,
        events=(*before.events, *outcome.events),
        has_changed=before.has_changed or outcome.has_changed,
    )
