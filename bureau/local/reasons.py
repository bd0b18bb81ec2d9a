"""What a command says when a server does not do what it asks: the reason, in one line."""

from infrastructure.postgres import is_schema_missing

__all__ = ["reason_of"]


def reason_of(error: BaseException) -> str:
    """Return why it failed, in one line; of an error that SQLAlchemy wraps the database's own words."""
    wrapped: BaseException | None = getattr(error, "orig", None)
    cause = error if wrapped is None else wrapped.__cause__ or wrapped
    words = str(cause).strip()
    reason = words.splitlines()[0] if words else type(cause).__name__
    return f"it is not migrated, `bureau migrate` does that ({reason})" if is_schema_missing(cause) else reason
