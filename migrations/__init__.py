"""The database schema's history (Alembic)."""

__all__: list[str] = []
