"""Tests of a database that went back in time: the jump over a lost future, identity, show and bump."""

__all__: list[str] = []
