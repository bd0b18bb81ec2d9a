"""The answers that are asked for again and again, in this process: no round trip at all. Always safe to lose.

An entry is served while no notice has come of the projection (and shard, where the answer has one root) since before
it was read, and for a second at most, in case that notices get lost. Without a subscription nothing is served: then
nobody would say what is out of date. Notices are published together with the forgets of the shared cache, so what
comes from there is as good as what comes from PostgreSQL.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from infrastructure.answer_cache import Answer, CachePlace
from infrastructure.applied_positions import AppliedPositions
from infrastructure.clock import monotonic_seconds
from infrastructure.read_versions import FIRST_VERSION

__all__ = ["LocalAnswers", "Roots", "Version", "open_local_answers"]

_LIFETIME_SECONDS: Final = 1.0
_MOST_ENTRIES: Final = 512
_LARGEST_BODY_BYTES: Final = 65_536


class Roots(NamedTuple):
    """What an answer is made of: a projection, the shard where all of it is from one root, and the version it is of.

    Notices are of the version that serves, so they end entries of an older one too.
    """

    projection: str
    shard: int | None
    version: int = FIRST_VERSION


class Version(NamedTuple):
    """What has been heard up to now: the number of subscriptions and of notices; None while nobody listens."""

    subscriptions: int
    notices: int


class _Entry(NamedTuple):
    """An answer, what had been heard before it was read, and until when it is served."""

    answer: Answer
    version: Version
    expires_at: float


class LocalAnswers(NamedTuple):
    """`version` to be taken before an answer is read; `look_up` at that version; `keep` an answer under it."""

    version: Callable[[Roots], Version | None]
    look_up: Callable[[CachePlace, Version], Answer | None]
    keep: Callable[[CachePlace, Version, Answer], None]


def open_local_answers(positions: AppliedPositions) -> LocalAnswers:
    """Return an empty level, kept current by the notices that these positions hear."""
    entries: dict[CachePlace, _Entry] = {}

    def version(roots: Roots) -> Version | None:
        if not positions.is_listening.is_set():
            return None
        heard = positions.heard
        key = roots.projection if roots.shard is None else (roots.projection, roots.shard)
        return Version(heard.get("", 0), heard.get(key, 0))

    def look_up(place: CachePlace, current: Version) -> Answer | None:
        entry = entries.get(place)
        if entry is None:
            return None
        if entry.version == current and entry.expires_at > monotonic_seconds():
            return entry.answer
        del entries[place]
        return None

    def keep(place: CachePlace, seen: Version, answer: Answer) -> None:
        if answer.rest or len(answer.body) > _LARGEST_BODY_BYTES:
            return
        if len(entries) >= _MOST_ENTRIES:
            del entries[next(iter(entries))]
        entries[place] = _Entry(answer, seen, monotonic_seconds() + _LIFETIME_SECONDS)

    return LocalAnswers(version, look_up, keep)
