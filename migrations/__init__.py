"""Alembic migrations: a step of their own, run by `bureau migrate` before a roll-out."""

__all__: list[str] = []
