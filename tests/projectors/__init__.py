"""Tests of the projectors: the pure projections, the apply step, and the process under faults."""

__all__: list[str] = []
