"""Tests of the client: against a fake of the protocol, and against the service."""

__all__: list[str] = []
