"""Tests of the example programs."""

__all__: list[str] = []
