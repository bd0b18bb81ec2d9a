"""One of the processes that fill a version: `python -m projectors.build_process NAME VERSION SHARD…`.

DATABASE_URL says where. It takes those that no other process has taken, and ends when there is none left; how far it
is, the checkpoints say.
Exit codes: 0 done, 1 an event cannot be applied (its words on standard error) or the database is out of reach.
"""

import asyncio
import os
import sys
from collections.abc import Sequence

from infrastructure.postgres import open_pool
from infrastructure.read_versions import ReadVersion
from projectors.building import build_shards, first_error, open_build
from projectors.collecting import collect_less
from projectors.projections import PROJECTIONS

__all__ = ["main"]

_CONNECTIONS = 6


async def _build(database_url: str, version: ReadVersion, shards: Sequence[int]) -> None:
    """Fill some shards of a version."""
    [projection] = [projection for projection in PROJECTIONS if projection.name == version.projection]
    pool = await open_pool(database_url, size=_CONNECTIONS, application_name="bureau rebuild", is_durable=False)
    try:
        await build_shards(open_build(pool, projection, version), shards)
    finally:
        pool.terminate()


def main(arguments: Sequence[str]) -> int:
    """Fill what the arguments name; return the exit code."""
    name, version, *shards = arguments
    collect_less()
    url = os.environ["DATABASE_URL"]
    try:
        asyncio.run(_build(url, ReadVersion(name, int(version)), [int(shard) for shard in shards]))
    except Exception as error:  # noqa: BLE001 - whatever it is, its words are for who started this
        sys.stderr.write(f"{first_error(error)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
