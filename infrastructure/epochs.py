"""Which positions exist in which epoch: what a consistency token means in the database as it is now. Never writes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from contracts.streams import EntryId, Token
from infrastructure.clock import monotonic_seconds
from infrastructure.postgres import Pool

__all__ = [
    "EpochRow",
    "LostPositionError",
    "ResolveToken",
    "UnknownPositionError",
    "open_token_resolver",
    "resolve_token",
]

_KEEP_SECONDS: Final = 5.0

type EpochRow = tuple[int, int]
"""An epoch and its first position in a shard."""

type ResolveToken = Callable[[Token], Awaitable[dict[int, EntryId]]]
"""Returns the entry that a token means in each of its shards; raises as `resolve_token` does."""


class UnknownPositionError(ValueError):
    """The token names an epoch or a shard that this database never had."""


class LostPositionError(ValueError):
    """The token names a position that was lost when the database went back in time."""


def resolve_token(epochs: Mapping[int, Sequence[EpochRow]], token: Token) -> dict[int, EntryId]:
    """Return, by shard, the token's position (0 is left out) with the epoch in which that position stands today.

    `epochs` holds each shard's epochs, ascending. Raises UnknownPositionError and LostPositionError.
    """
    if token.epoch == 0 or token.epoch > max((rows[-1][0] for rows in epochs.values()), default=0):
        raise UnknownPositionError(token)
    if not epochs.keys() >= token.positions.keys():
        raise UnknownPositionError(token)
    resolved: dict[int, EntryId] = {}
    for shard, position in token.positions.items():
        if position == 0:
            continue  # nothing had happened there yet
        epoch = max(epoch for epoch, first in epochs[shard] if first <= position)
        if epoch > token.epoch:
            raise LostPositionError(token)
        resolved[shard] = EntryId(epoch, position)
    return resolved


async def _read_epochs(pool: Pool) -> dict[int, list[EpochRow]]:
    """Return the epochs of every shard, ascending."""
    epochs: dict[int, list[EpochRow]] = {}
    for row in await pool.fetch("SELECT shard, epoch, first_position FROM log.epochs ORDER BY shard, epoch"):
        epochs.setdefault(row["shard"], []).append((row["epoch"], row["first_position"]))
    return epochs


def open_token_resolver(pool: Pool) -> ResolveToken:
    """Return `resolve_token` on the database's epochs, read anew after five seconds or when a token seems unknown."""
    known: dict[int, list[EpochRow]] = {}
    read_at = 0.0

    async def resolve(token: Token) -> dict[int, EntryId]:
        nonlocal known, read_at
        if not known or monotonic_seconds() - read_at > _KEEP_SECONDS:
            known, read_at = await _read_epochs(pool), monotonic_seconds()
        try:
            return resolve_token(known, token)
        except UnknownPositionError:
            known, read_at = await _read_epochs(pool), monotonic_seconds()
            return resolve_token(known, token)

    return resolve
