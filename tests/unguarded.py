"""Taking the guard from the log of a test's database, for damage that is done by hand."""

import asyncpg

__all__ = ["unguard"]

_UNGUARD = """
DO $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT relid::regclass::text FROM pg_partition_tree('log.events') LOOP
    EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', name);
  END LOOP;
END $$
"""


async def unguard(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    """Let anybody change events from now on."""
    await pool.execute(_UNGUARD)
