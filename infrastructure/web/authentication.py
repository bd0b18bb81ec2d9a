"""Who sends a request: `Authorization: Bearer <API key>`."""

from typing import Annotated

from fastapi import Depends, Request

from infrastructure.api_keys import Authenticate, Principal
from infrastructure.web.errors import ApiError
from infrastructure.web.headers import headers_of

__all__ = ["CurrentPrincipal", "require_principal"]


async def require_principal(request: Request) -> Principal:
    """Return the principal of a request; raises ApiError 401. Needs `app.state.authenticate`."""
    scheme, _, api_key = headers_of(request.scope).get("authorization", "").partition(" ")
    authenticate: Authenticate = request.app.state.authenticate
    principal = await authenticate(api_key.strip()) if scheme.lower() == "bearer" else None
    if principal is None:
        message = "Send a valid API key: Authorization: Bearer bureau_…"
        raise ApiError(401, "unauthenticated", message, headers={"WWW-Authenticate": "Bearer"})
    return principal


CurrentPrincipal = Annotated[Principal, Depends(require_principal)]
"""The principal as a route's parameter."""
