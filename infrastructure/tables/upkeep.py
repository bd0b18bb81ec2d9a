"""The tables of upkeep: who reads the streams, and what was trimmed, archived and purged when."""

from sqlalchemy import BigInteger, Column, DateTime, Integer, SmallInteger, Table, Text, func, text

from infrastructure.tables.metadata import METADATA

__all__ = ["READERS", "UPKEEP"]

READERS = Table(
    "readers",
    METADATA,
    Column("reader", Text, primary_key=True, comment="The name of a consumer group."),
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("epoch", Integer, nullable=False),
    Column("position", BigInteger, nullable=False, comment="Everything up to it is acknowledged."),
    Column(
        "missed", BigInteger, nullable=False, server_default=text("0"), comment="Events trimmed before it had them."
    ),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    schema="log",
)
"""The registered readers of the streams: they hold trimming back, and their groups are made again from here."""

UPKEEP = Table(
    "upkeep",
    METADATA,
    Column("job", Text, primary_key=True),
    Column("ran_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("done", BigInteger, nullable=False, comment="What the last run that found something did."),
    Column("done_at", DateTime(timezone=True), comment="When that was."),
    Column("total", BigInteger, nullable=False, comment="What all runs did."),
    Column("words", Text, nullable=False, server_default=text("''"), comment="What keeps it from doing more."),
    schema="log",
)
"""One row a job: when it ran last and what it did."""
