"""The dead letters of projections: which roots are parked, the events that wait with them, and what people ask for.

Written only while the checkpoint row of (projection, version, shard) is held, in the transaction that moves it or that
gives it another `parked_revision`; `parked_requests` alone is written by anybody who wants something.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    false,
    func,
    text,
)

from infrastructure.tables.metadata import METADATA

__all__ = ["PARKED_EVENTS", "PARKED_REQUESTS", "PARKED_ROOTS"]

_SCHEMA = "read"

PARKED_ROOTS = Table(
    "parked_roots",
    METADATA,
    Column("projection", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("root_id", Uuid, primary_key=True),
    Column("dead_letter_id", Uuid, nullable=False, server_default=func.gen_random_uuid()),
    Column("workspace_id", Text, nullable=False),
    Column("failed_position", BigInteger, nullable=False, comment="The event that failed; its root waits from here."),
    Column("error", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="1"),
    Column("parked_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("failed_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Index("parked_roots_dead_letter_index", "dead_letter_id", unique=True),
    Index("parked_roots_workspace_index", "workspace_id", "dead_letter_id"),
    schema=_SCHEMA,
)
"""Roots that a projection does not apply: one dead letter each."""

PARKED_EVENTS = Table(
    "parked_events",
    METADATA,
    Column("projection", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
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
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("envelope", LargeBinary, nullable=False, comment="A copy: the log may be cut before somebody looks."),
    Index("parked_events_root_index", "projection", "version", "root_id", "position"),
    schema=_SCHEMA,
)
"""What waits for the parked roots, by position: the event that failed and all that concern the projection since."""

PARKED_REQUESTS = Table(
    "parked_requests",
    METADATA,
    Column("request_id", Uuid, primary_key=True),
    Column("dead_letter_id", Uuid, nullable=False),
    Column("projection", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("shard", SmallInteger, nullable=False),
    Column("root_id", Uuid, nullable=False),
    Column("workspace_id", Text, nullable=False),
    Column("action", Text, nullable=False, comment="retry, or skip."),
    Column("position", BigInteger, comment="The event to skip."),
    Column("event_id", Uuid, comment="The event to skip."),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("finished_at", DateTime(timezone=True)),
    Column("outcome", Text, comment="released, failed_again or refused; null while nobody has done it."),
    Column("applied", Integer, nullable=False, server_default="0", comment="Events that were applied."),
    Column("left_out", Boolean, nullable=False, server_default=false(), comment="The read model lacks the event."),
    Column("error", Text),
    Index("parked_requests_dead_letter_index", "dead_letter_id", "requested_at"),
    Index("parked_requests_left_out_index", "projection", "version", postgresql_where=text("left_out")),
    schema=_SCHEMA,
)
"""What people asked for, done by the projector that holds the shard, and kept.

`left_out` is what verification goes by: the event at `position` was skipped, and nothing has brought it back since.
"""
