"""A small typed client of Bureau's public HTTP API, and the worker loop. Imports nothing else of the system."""

__all__: list[str] = []
