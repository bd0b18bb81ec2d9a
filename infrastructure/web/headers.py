"""The headers of a request, looked up by name in one step: Starlette's own look through all of them each time."""

from collections.abc import Mapping
from typing import Final

from starlette.types import Scope

__all__ = ["headers_of"]

_HEADERS: Final = "bureau.headers"


def headers_of(scope: Scope) -> Mapping[str, str]:
    """Return a request's headers by their names in lower case, as ASGI has them; of repeated ones the first."""
    known: Mapping[str, str] | None = scope.get(_HEADERS)
    if known is None:
        known = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}
        scope[_HEADERS] = known
    return known
