"""The view of the whole history, as the migrations install it."""

__all__ = ["HISTORY"]

_COLUMNS = (
    "shard, position, epoch, event_id, event_type, workspace_id, aggregate_kind, aggregate_id, generation, root_id,"
    " recorded_at, envelope"
)

HISTORY = f"""
CREATE VIEW log.history AS
SELECT {_COLUMNS} FROM log.events UNION ALL SELECT {_COLUMNS} FROM log_archive.events
"""  # noqa: S608 - constants
"""The events of the log and of the archive; which partitions are read, the bounds decide.

A partition on its way from the one to the other is in neither: `infrastructure/archiving.py` finds it."""
