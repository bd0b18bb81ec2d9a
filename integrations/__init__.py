"""Consumers of the event streams that connect other systems."""

__all__: list[str] = []
