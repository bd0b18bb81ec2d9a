"""What a request's headers wish: how current, how long to wait, and what the client already has. Pure."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from contracts.streams import Token, parse_token

__all__ = ["MOST_WAIT_SECONDS", "Wish", "matches_etag", "read_wish"]

MOST_WAIT_SECONDS: Final = 30
_USUAL_WAIT_SECONDS: Final = 2.0
# RFC 7240, section 2: token [= value] [; parameters], separated by commas; values may be quoted. What was read is never
# given back (possessive), and nothing begins with what may be repeated: a header of 60 kB took minutes otherwise.
_PREFERENCE: Final = re.compile(r'([\w!#$%&\'*+.^`|~-]++)\s*+(?:=\s*+(?:"([^"]*+)"|([^\s";,]*+)))?+[^,]*+(?:,|$)')
_ETAG: Final = re.compile(r'(?:W/)?("[^"]*")')


class Wish(NamedTuple):
    """How current an answer has to be; `applied` is the header Preference-Applied, empty where nothing was honoured."""

    token: Token | None
    wait_seconds: float
    is_strict: bool
    applied: str


def _preferences(lines: Sequence[str]) -> dict[str, str]:
    """Return the preferences by lower-case name; of one that comes twice the first counts (RFC 7240)."""
    found = [match.groups() for line in lines for match in _PREFERENCE.finditer(line)]
    return {name.lower(): quoted or plain or "" for name, quoted, plain in reversed(found)}


def read_wish(token_text: str | None, prefer: Sequence[str]) -> Wish:
    """Return the wish of a token's text and the lines of `Prefer`; raises InvalidTokenError.

    A preference that can't be honoured is ignored, as RFC 7240 says: without a token there is nothing to wait for. A
    longer wait than 30 s becomes 30 s.
    """
    token = parse_token(token_text) if token_text else None
    if not prefer:
        return Wish(token, _USUAL_WAIT_SECONDS, is_strict=False, applied="")
    preferences = _preferences(prefer)
    wait = preferences.get("wait", "")
    is_waiting = token is not None and wait.isascii() and wait.isdecimal() and len(wait) < 10  # noqa: PLR2004 - digits of a sane number
    seconds = min(int(wait), MOST_WAIT_SECONDS) if is_waiting else None
    is_strict = preferences.get("handling", "").lower() == "strict"
    honoured = [f"wait={seconds}"] * (seconds is not None) + ["handling=strict"] * is_strict
    return Wish(token, _USUAL_WAIT_SECONDS if seconds is None else seconds, is_strict, ", ".join(honoured))


def matches_etag(if_none_match: Sequence[str], etag: str) -> bool:
    """Tell whether `If-None-Match` names what would be answered (RFC 9110, 13.1.2: weak comparison, `*` is any)."""
    return any(line.strip() == "*" or etag in _ETAG.findall(line) for line in if_none_match)
