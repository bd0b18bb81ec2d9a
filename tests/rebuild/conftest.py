"""What the tests of rebuilding share: a pool, a client, seeded randomness."""

from tests.projectors.conftest import pool, projectors, randomness, redis

__all__ = ["pool", "projectors", "randomness", "redis"]
