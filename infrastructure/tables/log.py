"""The tables of the log: events, the epochs they belong to and the floor where the log was cut.

Inserted into by `log.append_events` alone, never updated. Partitions of `log.events` are made ahead of time by
`log.ensure_partitions`; each has a unique index on (aggregate_id, generation).
"""

from sqlalchemy import BigInteger, Column, DateTime, Integer, LargeBinary, SmallInteger, Table, Text, Uuid, func, text

from infrastructure.tables.metadata import METADATA

__all__ = ["EPOCHS", "EVENTS", "FLOORS"]

EVENTS = Table(
    "events",
    METADATA,
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("epoch", Integer, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("workspace_id", Text, nullable=False),
    Column("aggregate_kind", Text, nullable=False),
    Column("aggregate_id", Uuid, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("root_id", Uuid, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("envelope", LargeBinary, nullable=False, comment="The finished CloudEvents JSON; nobody writes it again."),
    schema="log",
    postgresql_partition_by="RANGE (position)",
)
"""The outbox: dense positions 1, 2, 3… in every shard, in the order of commit."""

EPOCHS = Table(
    "epochs",
    METADATA,
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("first_position", BigInteger, nullable=False),
    schema="log",
)
"""In which epoch a shard's positions from `first_position` on are written; the last row is the current one."""

FLOORS = Table(
    "floors",
    METADATA,
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("epoch", Integer, nullable=False),
    Column("position", BigInteger, nullable=False, server_default=text("0")),
    Column("event_id", Uuid, comment="The event at the floor; null at position 0."),
    schema="log",
)
"""The last position of a shard that the log no longer holds; 0 where it was never cut. One row a shard."""
