"""How much work a schema may make: what is beyond is refused, so that nobody's schema holds up everybody's commands.

Work is counted in steps of about a microsecond. A count is the same on every machine and at every load, as a time would
not be: what is refused once is always refused.
"""

from collections.abc import Callable

__all__ = [
    "CHECKING_STEPS",
    "LONGEST_CHAIN",
    "NESTING",
    "READING_STEPS",
    "SAME_PLACE",
    "Spend",
    "TooComplexError",
    "allow_steps",
]

READING_STEPS = 3_000
"""A step for each schema in the schema, each of its keywords, each value of an enum; patterns by their weight."""

CHECKING_STEPS = 15_000
"""Two for each value at each schema that it is held against, one for each rule of that; large ones by their size."""

NESTING = 150
"""Schemas within schemas while a value is checked; each is up to four frames of Python's stack, which holds 1,000."""

SAME_PLACE = 1_000
"""How many schemas references, `allOf` and the like may lead to for one and the same value."""

LONGEST_CHAIN = 50
"""How many of those in a row."""

type Spend = Callable[[int], None]
"""Takes note of steps; raises TooComplexError where there are none left."""


class TooComplexError(Exception):
    """The steps are used up, or schemas nest too deeply."""


def allow_steps(limit: int) -> Spend:
    """Return how to spend so many steps."""
    left = [limit]

    def spend(steps: int) -> None:
        left[0] -= steps
        if left[0] < 0:
            raise TooComplexError

    return spend
