"""The tables of the log: events, their epochs, the floor where the log was cut, and who works on which shard.

Events are inserted by `log.append_to_shards` alone, and nothing of them is ever updated but the epoch, by a bump
(`infrastructure/epoch_bump.py`): triggers refuse all else (`migrations/log_guard.py`). Partitions of `log.events` are
made ahead of time by `log.ensure_partitions`; each has a unique index on (aggregate_id, generation).
"""

from sqlalchemy import BigInteger, Column, DateTime, Integer, LargeBinary, SmallInteger, Table, Text, Uuid, func, text

from infrastructure.tables.metadata import METADATA

__all__ = ["CLUSTERS", "EPOCHS", "EVENTS", "FLOORS", "MEMBERS", "SHARD_LEASES", "STREAM_FLOORS"]

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
    Column("stream_end", Text, nullable=False, server_default="", comment="The stream's last id when it began."),
    Column("stream_event", Text, nullable=False, server_default="", comment="Event id at the stream's end, if any."),
    schema="log",
)
"""In which epoch a shard's positions from `first_position` on are written; the highest epoch is the current one.

A position is of the highest epoch that begins at or before it; a stream's entry of any other epoch is a ghost.
"""

CLUSTERS = Table(
    "clusters",
    METADATA,
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("system_identifier", Text, primary_key=True, comment="Empty where the server does not say."),
    Column("timeline", Integer, primary_key=True, autoincrement=False, comment="0 where the server does not say."),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("reason", Text, nullable=False),
    schema="log",
)
"""Where this database has lived; the row recorded last says where it should. It travels with the data."""

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

MEMBERS = Table(
    "members",
    METADATA,
    Column("role", Text, primary_key=True, comment="What is shared out, such as relay."),
    Column("member", Uuid, primary_key=True),
    Column("name", Text, nullable=False, comment="Host and process, for people."),
    Column("expires_at", DateTime(timezone=True), nullable=False, comment="By the database's clock; later it is dead."),
    Column("report", Text, nullable=False, server_default="", comment="What the member says of its work, for people."),
    schema="log",
    prefixes=["UNLOGGED"],
    postgresql_with={"fillfactor": "50"},
)
"""Processes that share the shards of a role; written by `log.renew_leases` alone. Unlogged: a crash may empty it."""

SHARD_LEASES = Table(
    "shard_leases",
    METADATA,
    Column("role", Text, primary_key=True),
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column(
        "holder", Uuid, comment="A member; null where nobody holds the shard. Its lease is as long as its member's."
    ),
    schema="log",
    prefixes=["UNLOGGED"],
)
"""Which member works on a shard, to save work: nothing is wrong when two do. Unlogged: a crash may empty it."""

STREAM_FLOORS = Table(
    "stream_floors",
    METADATA,
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("epoch", Integer, nullable=False),
    Column("position", BigInteger, nullable=False, server_default=text("0")),
    Column("event_id", Uuid, comment="The event at the floor; null at position 0."),
    schema="log",
)
"""The last position that was trimmed from a shard's stream, written before it is trimmed; 0 where it never was.

A stream that was lost begins after it. One row a shard; an event that stream and log agreed on, and none that a
registered reader of the streams still has to read.
"""
