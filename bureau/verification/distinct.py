"""Which identifiers come more than once among any number of them, with little memory: sorted into files by hash."""

import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Final
from uuid import UUID

__all__ = ["Sieve", "find_repeated", "open_sieve", "sift"]

_BUCKETS: Final = 64
_BYTES_IN_MEMORY: Final = 256 * 1024
"""Of each bucket; the rest lies in a temporary file without a name."""
_RECORD: Final = struct.Struct(">16sIQ")


@dataclass(frozen=True, slots=True)
class Sieve:
    """Identifiers with their shard and position, in buckets of which each is small enough to be looked at whole."""

    buckets: "tuple[SpooledTemporaryFile[bytes], ...]"


@contextmanager
def open_sieve() -> Iterator[Sieve]:
    """Yield an empty sieve; its files are gone afterwards, 28 bytes for each identifier until then."""
    with ExitStack() as files:
        yield Sieve(tuple(files.enter_context(SpooledTemporaryFile(_BYTES_IN_MEMORY)) for _ in range(_BUCKETS)))


def sift(sieve: Sieve, identifier: UUID, shard: int, position: int) -> None:
    """Put one identifier in."""
    content = identifier.bytes
    sieve.buckets[content[-1] % _BUCKETS].write(_RECORD.pack(content, shard, position))


def find_repeated(sieve: Sieve) -> Iterator[tuple[UUID, list[tuple[int, int]]]]:
    """Return each identifier that is there more than once, with every (shard, position)."""
    for bucket in sieve.buckets:
        counts = Counter(content for content, _, _ in _records(bucket))
        repeated = {content for content, times in counts.items() if times > 1}
        places: dict[bytes, list[tuple[int, int]]] = {}
        for content, shard, position in _records(bucket) if repeated else ():
            if content in repeated:
                places.setdefault(content, []).append((shard, position))
        for content, found in places.items():
            yield UUID(bytes=content), found


def _records(bucket: "SpooledTemporaryFile[bytes]") -> Iterator[tuple[bytes, int, int]]:
    bucket.seek(0)
    while content := bucket.read(_RECORD.size * 4096):
        yield from _RECORD.iter_unpack(content)
