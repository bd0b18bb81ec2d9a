"""Any number of values by key with little memory: in files by the hash of the key, each small enough to look at."""

import pickle
from collections.abc import Hashable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Any, Final

__all__ = ["BUCKETS", "Spilled", "open_spilled", "read_bucket", "spill"]

BUCKETS: Final = 64
_BYTES_IN_MEMORY: Final = 64 * 1024
"""Of each bucket; the rest lies in a temporary file without a name."""


@dataclass(frozen=True, slots=True)
class Spilled:
    """Pairs of a key and a value, in buckets: all pairs of a key are in one, of the same number in every `Spilled`."""

    buckets: "tuple[SpooledTemporaryFile[bytes], ...]"


@contextmanager
def open_spilled() -> Iterator[Spilled]:
    """Yield an empty one; its files are gone afterwards."""
    with ExitStack() as files:
        yield Spilled(tuple(files.enter_context(SpooledTemporaryFile(_BYTES_IN_MEMORY)) for _ in range(BUCKETS)))


def spill(spilled: Spilled, pairs: Iterable[tuple[Hashable, Any]]) -> None:
    """Put pairs in, together with others of the same key."""
    parts: dict[int, list[tuple[Hashable, Any]]] = {}
    for pair in pairs:
        parts.setdefault(hash(pair[0]) % BUCKETS, []).append(pair)
    for number, part in parts.items():
        pickle.dump(part, spilled.buckets[number], pickle.HIGHEST_PROTOCOL)


def read_bucket(spilled: Spilled, number: int) -> Iterator[tuple[Any, Any]]:
    """Return the pairs of a bucket, in the order in which they came."""
    bucket = spilled.buckets[number]
    end = bucket.tell()
    bucket.seek(0)
    while bucket.tell() < end:
        yield from pickle.load(bucket)  # noqa: S301 - nobody else has this file
