"""Waiting between tries: exponential, with full jitter, bounded."""

import asyncio
from typing import Final

from infrastructure.identifiers import random_share

__all__ = ["pause_before_try"]

_FIRST_SECONDS: Final = 0.005
_LONGEST_SECONDS: Final = 0.5


async def pause_before_try(number: int) -> None:
    """Wait up to 5 ms before try 1 (the first repetition), twice as long before each further one, 0.5 s at the most."""
    await asyncio.sleep(random_share() * min(_LONGEST_SECONDS, _FIRST_SECONDS * 2**number))
