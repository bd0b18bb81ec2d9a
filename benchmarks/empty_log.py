"""An empty log for the next measurement: its partitions are dropped and made again, for the log refuses a TRUNCATE."""

from infrastructure.event_log import ensure_partitions
from infrastructure.postgres import Pool

__all__ = ["empty_log"]

_DROP = """
DO $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT i.inhrelid::regclass::text FROM pg_inherits i WHERE i.inhparent = 'log.events'::regclass LOOP
    EXECUTE format('DROP TABLE %s', name);
  END LOOP;
END $$
"""


async def empty_log(pool: Pool) -> None:
    """Let every shard begin at position 1 again."""
    await pool.execute(_DROP)
    await ensure_partitions(pool)
