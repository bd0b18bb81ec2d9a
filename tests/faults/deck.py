"""Strikes drawn like cards: in an order by the seed, each before any comes again, those that failed put back."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from tests.faults.away import AWAY
from tests.faults.state import Storm

__all__ = ["Deck", "Strike", "draw", "strike"]


@dataclass(frozen=True, slots=True)
class Strike:
    """Something that happens; it answers whether it did, for at times there is nothing to be struck yet."""

    name: str
    carry_out: Callable[[Storm], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Deck:
    """Strikes in the order in which they come, and those that are still to come."""

    strikes: Sequence[Strike]
    randomness: Random
    coming: list[Strike] = field(default_factory=list)


def draw(deck: Deck) -> Strike:
    """Return the next strike."""
    if not deck.coming:
        deck.coming.extend(deck.randomness.sample(deck.strikes, len(deck.strikes)))
    return deck.coming.pop()


async def strike(storm: Storm, deck: Deck) -> None:
    """Carry the next strike out and count it; one that could not be, for now, comes again as the last of these."""
    chosen = draw(deck)
    is_done = False
    with suppress(*AWAY):  # what struck a server at the same time was quicker
        is_done = await chosen.carry_out(storm)
    if is_done:
        storm.done[chosen.name] += 1
    else:
        deck.coming.insert(0, chosen)
