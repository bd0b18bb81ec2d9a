"""How a handler is ended whose task cannot go on now."""

__all__ = ["TaskStoppedError"]


class TaskStoppedError(BaseException):
    """Ends a handler whose task waits without it, or was stopped by a budget; not for handlers to catch.

    No `Exception`, so that `except Exception` in a handler lets it through; `finally` clauses run.
    """
