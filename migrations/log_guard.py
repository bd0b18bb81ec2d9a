"""What keeps the log as it was written, as the migrations install it: triggers that never fire for an insert."""

from migrations.functions import ENSURE_PARTITIONS

__all__ = ["ENSURE_GUARDED_PARTITIONS", "GUARD_LOG", "GUARD_PARTITIONS", "UNGUARD_LOG", "UNGUARD_PARTITIONS"]

_COLUMNS = (
    "shard, position, event_id, event_type, workspace_id, aggregate_kind, aggregate_id, generation, root_id,"
    " recorded_at, envelope"
)
"""All but the epoch, which a bump moves."""


def _of(row: str) -> str:
    return ", ".join(f"{row}.{column.strip()}" for column in _COLUMNS.split(","))


GUARD_LOG = (
    """
CREATE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the log is only ever appended to: % of % is refused', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'BU002', HINT = 'After a restore `bureau epoch bump` is what moves events to a new epoch.';
END $$
""",
    # Partitions get row triggers when they are attached, and lose them on their way to the archive.
    f"""
CREATE TRIGGER events_stay_as_written BEFORE UPDATE ON log.events FOR EACH ROW
WHEN (current_setting('bureau.moves_epochs', true) IS DISTINCT FROM 'on'
  OR ({_of("OLD")}) IS DISTINCT FROM ({_of("NEW")}))
EXECUTE FUNCTION log.refuse_change()
""",
    """
CREATE TRIGGER events_stay BEFORE DELETE ON log.events FOR EACH ROW EXECUTE FUNCTION log.refuse_change()
""",
    """
CREATE TRIGGER events_stay_together BEFORE TRUNCATE ON log.events EXECUTE FUNCTION log.refuse_change()
""",
)
"""No event is updated but for its epoch, where the transaction says that it moves those; none is deleted."""

_GUARD_PARTITION = """
    EXECUTE format('CREATE TRIGGER events_stay_together BEFORE TRUNCATE ON log.%I EXECUTE FUNCTION log.refuse_change()',
                   partition_name);
"""

ENSURE_GUARDED_PARTITIONS = ENSURE_PARTITIONS.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION").replace(
    "    made := made + 1;\n", f"{_GUARD_PARTITION.removeprefix('\n')}    made := made + 1;\n"
)
"""`log.ensure_partitions` as of version 2: a trigger for whole statements is not handed on to partitions."""

_EACH_PARTITION = """
DO $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT i.inhrelid::regclass::text FROM pg_inherits i WHERE i.inhparent = 'log.events'::regclass LOOP
    EXECUTE format('{}', name);
  END LOOP;
END $$
"""
GUARD_PARTITIONS = _EACH_PARTITION.format(
    "CREATE TRIGGER events_stay_together BEFORE TRUNCATE ON %s EXECUTE FUNCTION log.refuse_change()"
)
"""The same for the partitions that there are."""

UNGUARD_PARTITIONS = _EACH_PARTITION.format("DROP TRIGGER events_stay_together ON %s")
UNGUARD_LOG = (
    "DROP TRIGGER events_stay_together ON log.events",
    "DROP TRIGGER events_stay ON log.events",
    "DROP TRIGGER events_stay_as_written ON log.events",
    "DROP FUNCTION log.refuse_change CASCADE",
)
"""The way back; what an archived partition still has of it goes with the function."""
