"""Exploring a state machine breadth-first, every state once: the shortest way to a wrong state or a dead end."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Explored", "Machine", "Move", "explore"]


class Move[State: Hashable](NamedTuple):
    """One step: its name, the state after it, and whether it is a fault, which nobody may count on."""

    name: str
    after: State
    is_fault: bool = False


@dataclass(frozen=True, slots=True)
class Machine[State: Hashable]:
    """`moves` lists every step from a state; `find_wrong` says in words what must not be; `is_done`: all is said."""

    start: State
    moves: Callable[[State], Iterable[Move[State]]]
    find_wrong: Callable[[State], str]
    is_done: Callable[[State], bool]


@dataclass(frozen=True, slots=True)
class Explored:
    """What came of it: `wrong` is empty where no state is, `trace` leads there from the start."""

    states: int
    wrong: str
    trace: tuple[str, ...]


def explore[State: Hashable](machine: Machine[State], *, most_states: int = 400_000) -> Explored:
    """Visit every state; where all are right, find those from which no way without faults leads to the end.

    Raises RuntimeError where there are more states than expected.
    """
    numbers: dict[State, int] = {machine.start: 0}
    came_from: list[tuple[int, str]] = [(0, "")]
    leads_to: list[list[int]] = []
    done: list[int] = []
    waiting = deque([machine.start])
    while waiting:
        state = waiting.popleft()
        number = numbers[state]
        if wrong := machine.find_wrong(state):
            return Explored(len(numbers), wrong, _trace(came_from, number))
        if machine.is_done(state):
            done.append(number)
        leads_to.append([])
        for move in machine.moves(state):
            if move.after not in numbers:
                numbers[move.after] = len(came_from)
                came_from.append((number, move.name))
                waiting.append(move.after)
            if not move.is_fault:
                leads_to[number].append(numbers[move.after])
        if len(numbers) > most_states:
            raise RuntimeError(f"more than {most_states} states")
    stuck = _find_stuck(leads_to, done)
    if stuck is None:
        return Explored(len(numbers), "", ())
    return Explored(len(numbers), "nothing leads to the end from here any more", _trace(came_from, stuck))


def _trace(came_from: list[tuple[int, str]], number: int) -> tuple[str, ...]:
    steps: list[str] = []
    while number:
        number, name = came_from[number]
        steps.append(name)
    return tuple(reversed(steps))


def _find_stuck(leads_to: list[list[int]], done: list[int]) -> int | None:
    """Return the first state from which no way leads to the end."""
    backwards: list[list[int]] = [[] for _ in leads_to]
    for number, targets in enumerate(leads_to):
        for target in targets:
            backwards[target].append(number)
    reached = set(done)
    waiting = deque(done)
    while waiting:
        for number in backwards[waiting.popleft()]:
            if number not in reached:
                reached.add(number)
                waiting.append(number)
    return next((number for number in range(len(leads_to)) if number not in reached), None)
