"""Names of the streams, the shard of a root, and the consistency token: the addresses on the line.

Anybody who reads the streams in another language needs exactly this file; the golden tests pin it.
"""

import re
import zlib
from typing import NamedTuple
from uuid import UUID

__all__ = [
    "APPLIED_CHANNEL",
    "LEASES_CHANNEL",
    "READY_CHANNEL",
    "WAKE_CHANNEL",
    "EntryId",
    "InvalidTokenError",
    "Token",
    "format_token",
    "parse_entry_id",
    "parse_token",
    "shard_of",
    "stream_name",
]

WAKE_CHANNEL = "bureau:wake"
"""Published after a commit, payload the shards in decimal with commas: the relay need not wait for its poll."""

APPLIED_CHANNEL = "bureau:applied"
"""Published after a projection moved on, payload `<projection> <shard> <epoch> <position>`."""

READY_CHANNEL = "bureau:ready"
"""Published when a task may be ready to lease, payload the agent's id."""

LEASES_CHANNEL = "bureau:leases"
"""Published when shards change hands or a member comes or goes, payload the member that says so."""

_TOKEN = re.compile(r"(?P<epoch>[0-9]{1,9})\.(?P<shards>[0-9]{1,4}:[0-9]{1,18}(?:,[0-9]{1,4}:[0-9]{1,18}){0,1023})")


class EntryId(NamedTuple):
    """Where an event stands in its shard; as text `<epoch>-<position>` it is the stream entry's id."""

    epoch: int
    position: int

    def __str__(self) -> str:
        """Return the form that Redis uses."""
        return f"{self.epoch}-{self.position}"


class Token(NamedTuple):
    """A consistency token: the positions that a command reached, by shard, in one epoch."""

    epoch: int
    positions: dict[int, int]


class InvalidTokenError(ValueError):
    """The text is not `<epoch>.<shard>:<position>[,<shard>:<position>…]`, each shard once."""


def parse_entry_id(text: str) -> EntryId:
    """Return the id that `<epoch>-<position>` says; ValueError where it says none."""
    epoch, _, position = text.partition("-")
    return EntryId(int(epoch), int(position))


def shard_of(root_id: UUID, shards: int) -> int:
    """Return the shard of a root: CRC-32 (as in zlib) of the UUID's 16 bytes, modulo the number of shards."""
    return zlib.crc32(root_id.bytes) % shards


def stream_name(shard: int) -> str:
    """Return the stream of a shard; its hash tag lets shards spread over a Redis Cluster."""
    return f"bureau:{{events:{shard}}}"


def format_token(token: Token) -> str:
    """Return the token's text, `1.3:42` or `1.3:42,7:9`, shards ascending."""
    return f"{token.epoch}." + ",".join(f"{shard}:{position}" for shard, position in sorted(token.positions.items()))


def parse_token(text: str) -> Token:
    """Return the token that a text says; raises InvalidTokenError."""
    match = _TOKEN.fullmatch(text)
    if match is None:
        raise InvalidTokenError(text)
    pairs = [pair.split(":") for pair in match["shards"].split(",")]
    positions = {int(shard): int(position) for shard, position in pairs}
    if len(positions) != len(pairs):
        raise InvalidTokenError(text)
    return Token(int(match["epoch"]), positions)
