"""What failed is left alone for a while, twice as long each time, so that it keeps nothing else from its turn. Pure."""

from collections.abc import Collection
from typing import Final, NamedTuple
from uuid import UUID

__all__ = ["Pause", "SetAside", "find_left_alone", "forget_settled", "set_aside"]

_FIRST_SECONDS: Final = 1.0
_LONGEST_SECONDS: Final = 30.0


class Pause(NamedTuple):
    """How long something is left alone, and until when."""

    seconds: float
    until: float


type SetAside = dict[UUID, Pause]
"""What is left alone, on a clock that never goes back."""


def set_aside(aside: SetAside, failed_id: UUID, now: float) -> float:
    """Leave alone what failed and return for how many seconds: one, then twice as long each time, 30 at the most."""
    before = aside.get(failed_id)
    seconds = _FIRST_SECONDS if before is None else min(_LONGEST_SECONDS, 2 * before.seconds)
    aside[failed_id] = Pause(seconds, now + seconds)
    return seconds


def find_left_alone(aside: SetAside, now: float) -> list[UUID]:
    """Return what is left alone now."""
    return [failed_id for failed_id, pause in aside.items() if pause.until > now]


def forget_settled(aside: SetAside, found: Collection[UUID], now: float) -> None:
    """Forget what was not found any more when it might have been: others have seen to it."""
    for failed_id in [each for each, pause in aside.items() if pause.until <= now and each not in found]:
        del aside[failed_id]
