"""Consistency tokens, `<epoch>.<shard>:<position>[,…]`: the writes that a client's reads must show.

Tokens are added up, so a read shows every write of this client and not only the last one.
"""

import re

__all__ = ["ConsistencyMemory", "merge_tokens"]

_TOKEN = re.compile(r"([0-9]{1,9})\.([0-9]{1,4}:[0-9]{1,18}(?:,[0-9]{1,4}:[0-9]{1,18})*)")


class ConsistencyMemory:
    """The token that one client has seen so far; its only mutable state."""

    def __init__(self) -> None:
        self.token: str | None = None

    def remember(self, token: str | None) -> None:
        """Add a token of an answer."""
        if token:
            self.token = merge_tokens(self.token, token)

    def forget(self) -> None:
        """Start again, after the service said that the token's epoch is lost."""
        self.token = None


def merge_tokens(known: str | None, new: str) -> str:
    """Return a token that asks for both; one of a newer epoch, or of a form unknown here, stands alone."""
    known_match, new_match = _TOKEN.fullmatch(known or ""), _TOKEN.fullmatch(new)
    if known_match is None or new_match is None or int(known_match[1]) < int(new_match[1]):
        return new
    if int(known_match[1]) > int(new_match[1]):
        return known_match[0]
    positions = _parse_positions(known_match[2])
    for shard, position in _parse_positions(new_match[2]).items():
        positions[shard] = max(position, positions.get(shard, 0))
    return f"{new_match[1]}." + ",".join(f"{shard}:{position}" for shard, position in sorted(positions.items()))


def _parse_positions(text: str) -> dict[int, int]:
    pairs = (pair.split(":") for pair in text.split(","))
    return {int(shard): int(position) for shard, position in pairs}
