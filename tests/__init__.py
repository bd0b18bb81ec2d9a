"""Tests of the system: unit, integration against real servers, end to end, and of its architecture."""

__all__: list[str] = []
