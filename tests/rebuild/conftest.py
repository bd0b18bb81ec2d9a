"""What the tests of rebuilding share with those of projectors."""

from tests.projectors.conftest import projectors

__all__ = ["projectors"]
