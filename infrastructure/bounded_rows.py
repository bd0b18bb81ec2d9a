"""Statements that return rows only as far as their bodies fit: how many bytes come is known before any of them comes.

A body's length costs PostgreSQL next to nothing: it need not be put together for it.
"""

from collections.abc import Iterable

__all__ = ["ANY_BYTES", "bound_by_bytes", "is_full"]

ANY_BYTES = 2**62
"""As many bytes as there may be."""


def bound_by_bytes(columns: str, rows: str, order: str) -> str:
    """Return a statement for the first rows of a query whose sizes together do not exceed $1, and one row behind them.

    The query has a column `size` for each row: a number of bytes, 0 where its body is not asked for.
    """
    return f"""
SELECT {columns} FROM (
  SELECT r.*, sum(r.size) OVER (ORDER BY {order} ROWS UNBOUNDED PRECEDING) - r.size AS before FROM ({rows}) AS r
) AS b WHERE b.before < $1 ORDER BY {order}
"""  # noqa: S608 - put together from constants


def is_full(sizes: Iterable[int], max_bytes: int) -> bool:
    """Tell whether rows of these sizes are all that fits, so that there may be more behind them."""
    return sum(sizes) >= max_bytes
