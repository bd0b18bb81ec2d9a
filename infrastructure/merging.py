"""How long to rest after some work so that more of it is done at once next time. Pure.

Whoever carries events from one place to another pays for each time it does so far more than for each event. So the
busier it is, the more it should take along: the rest grows with the square of what is carried at once. What comes now
and then hardly waits; beyond a certain rate each rest finds more than the one before, until the longest. It follows the
average of the last few times: one hold-up is no reason to rest.
"""

from typing import Final

__all__ = ["average_of", "rest_after"]

_MEMORY: Final = 4
"""About so many times make up the average."""


def average_of(average: float, carried: int) -> float:
    """Return what is carried at once on average, when one more time is known."""
    return average + (carried - average) / _MEMORY


def rest_after(average: float, *, first_seconds: float, longest_seconds: float) -> float:
    """Return the seconds to rest: the first value where one is carried on average, and at most the second."""
    return min(first_seconds * average * average, longest_seconds)
