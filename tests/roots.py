"""Ids of roots, seeded, and of a shard that a test asks for."""

from random import Random
from uuid import UUID

from contracts.streams import shard_of
from tests.servers import TEST_SHARDS

__all__ = ["new_id", "root_in"]


def new_id(randomness: Random) -> UUID:
    """Return an id of no shard in particular."""
    return UUID(int=randomness.getrandbits(128))


def root_in(shard: int, randomness: Random) -> UUID:
    """Return a new root that belongs to the shard."""
    while shard_of(root := new_id(randomness), TEST_SHARDS) != shard:
        pass
    return root
