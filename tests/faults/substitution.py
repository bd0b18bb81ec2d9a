"""Putting something else in the place of what the product does, loudly where it is no longer there to be replaced."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Final

from infrastructure.postgres import Pool

__all__ = ["PowerCutError", "change_function", "changed", "replacing"]


class PowerCutError(ConnectionError):
    """The process is gone between two steps."""


def changed(text: str, old: str, new: str) -> str:
    """Return a text with a change that must be possible exactly once."""
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in what is to be broken"
    return text.replace(old, new)


@contextmanager
def replacing(module: ModuleType, **values: object) -> Iterator[None]:
    before = {name: getattr(module, name) for name in values}
    try:
        for name, value in values.items():
            setattr(module, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


_SOURCES: Final = """
SELECT pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = $1 AND p.proname = $2
"""


async def change_function(pool: Pool, schema: str, name: str, *changes: tuple[str, str]) -> None:
    """Change a function of the database; of several with its name, the one that holds what is to be changed."""
    sources = [row[0] for row in await pool.fetch(_SOURCES, schema, name)]
    (source,) = [source for source in sources if changes[0][0] in source]
    for old, new in changes:
        source = changed(source, old, new)
    await pool.execute(source)
