"""Tests of the relay: compare-and-append, the loop, the wake-up, and the process under faults."""

__all__: list[str] = []
