"""Versions of read models: where each one's tables are, and which of them serves.

Version 1 lives in the schema `read`; every later one has a schema of its own, `read_<projection>_v<n>`. The pointer is
a row of `read.projections`. It only goes up, except where the whole database went back in time.
"""

from typing import Final, NamedTuple

from infrastructure.postgres import Pool

__all__ = ["FIRST_VERSION", "READ_SCHEMA", "ReadVersion", "read_serving_versions"]

FIRST_VERSION: Final = 1
READ_SCHEMA: Final = "read"


class ReadVersion(NamedTuple):
    """One version of a read model."""

    projection: str
    version: int

    @property
    def schema(self) -> str:
        """The schema that its tables are in."""
        return READ_SCHEMA if self.version == FIRST_VERSION else f"read_{self.projection}_v{self.version}"

    def qualify(self, name: str) -> str:
        """Return a name in Redis as this version's own, so that no version is taken for another: `tasks@2`."""
        return name if self.version == FIRST_VERSION else f"{name}@{self.version}"


async def read_serving_versions(pool: Pool) -> dict[str, int]:
    """Return the serving version of each projection; one that is missing is served in version 1."""
    rows = await pool.fetch("SELECT projection, version FROM read.projections")
    return {row["projection"]: row["version"] for row in rows}
