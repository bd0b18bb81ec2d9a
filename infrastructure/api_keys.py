"""API keys of machines: `bureau_<key id>_<secret>`. Only the secret's SHA-256 is kept."""

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from infrastructure.clock import monotonic_seconds
from infrastructure.identifiers import new_id, new_secret
from infrastructure.postgres import Pool

__all__ = [
    "Authenticate",
    "Principal",
    "cached_authenticate",
    "new_api_key",
    "read_principals",
    "revoke_api_key",
    "store_api_key",
]

_KEY: Final = re.compile(r"bureau_(?P<key_id>[0-9a-f]{12})_(?P<secret>[A-Za-z0-9_-]{43})")
_CACHE_SECONDS: Final = 10.0
_CACHE_ENTRIES: Final = 10_000


class Principal(NamedTuple):
    """Who sends a request, in which workspace, and what they may decide."""

    key_id: str
    workspace_id: str
    name: str = ""
    roles: frozenset[str] = frozenset()
    is_revoked: bool = False


type Authenticate = Callable[[str], Awaitable[Principal | None]]
"""Returns the principal of a key's text, or None where it is not a valid key."""


def new_api_key() -> str:
    """Return a new key; whoever holds it has its rights, so it is shown once."""
    return f"bureau_{new_id().hex[-12:]}_{new_secret()}"


def _secret_hash(secret: str) -> bytes:
    """Return what is stored: a secret of 256 random bits needs no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


async def store_api_key(pool: Pool, api_key: str, *, workspace_id: str, name: str, roles: Sequence[str] = ()) -> None:
    """Store a key's hash; storing the same again changes nothing. Raises ValueError where it is not of our form."""
    match = _KEY.fullmatch(api_key)
    if match is None:
        message = "an API key has the form bureau_<12 hex digits>_<43 characters of URL-safe base64>"
        raise ValueError(message)
    await pool.execute(
        "INSERT INTO write.api_keys (key_id, workspace_id, name, secret_hash, roles) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT DO NOTHING",
        match["key_id"],
        workspace_id,
        name,
        _secret_hash(match["secret"]),
        list(roles),
    )


async def read_principals(pool: Pool, workspace_id: str, *, has_revoked: bool = False) -> list[Principal]:
    """Return all who hold a valid key of a workspace, or held one too, as they stand now; never from memory."""
    rows = await pool.fetch(
        "SELECT key_id, workspace_id, name, roles, revoked_at IS NOT NULL FROM write.api_keys"
        " WHERE workspace_id = $1 AND (revoked_at IS NULL OR $2)",
        workspace_id,
        has_revoked,
    )
    return [Principal(row[0], row[1], row[2], frozenset(row[3]), row[4]) for row in rows]


async def revoke_api_key(pool: Pool, key_id: str) -> bool:
    """Make a key invalid; tell whether it was valid until now."""
    status = await pool.execute(
        "UPDATE write.api_keys SET revoked_at = clock_timestamp() WHERE key_id = $1 AND revoked_at IS NULL", key_id
    )
    return status == "UPDATE 1"


async def _authenticate(pool: Pool, api_key: str) -> Principal | None:
    """Look a key up in the database."""
    match = _KEY.fullmatch(api_key)
    if match is None:
        return None
    row = await pool.fetchrow(
        "SELECT workspace_id, name, roles, secret_hash FROM write.api_keys WHERE key_id = $1 AND revoked_at IS NULL",
        match["key_id"],
    )
    if row is None or not hmac.compare_digest(row["secret_hash"], _secret_hash(match["secret"])):
        return None
    return Principal(match["key_id"], row["workspace_id"], row["name"], frozenset(row["roles"]))


def cached_authenticate(pool: Pool) -> Authenticate:
    """Return a look-up that remembers valid keys for ten seconds, so a revoked key lives on no longer than that."""
    known: dict[str, tuple[float, Principal]] = {}

    async def authenticate(api_key: str) -> Principal | None:
        entry = known.get(api_key)
        if entry is not None and entry[0] > monotonic_seconds():
            return entry[1]
        principal = await _authenticate(pool, api_key)
        if principal is None:
            known.pop(api_key, None)
            return None
        if len(known) >= _CACHE_ENTRIES:
            known.clear()
        known[api_key] = (monotonic_seconds() + _CACHE_SECONDS, principal)
        return principal

    return authenticate
