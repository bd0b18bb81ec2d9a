"""The tables that every read model shares; those of the models themselves stand in the modules beside this one."""

from sqlalchemy import BigInteger, Column, DateTime, Integer, SmallInteger, Table, Text, Uuid, func

from infrastructure.tables.metadata import METADATA

__all__ = ["CHECKPOINTS", "PROJECTIONS"]

CHECKPOINTS = Table(
    "checkpoints",
    METADATA,
    Column("projection", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("epoch", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("parked_revision", Uuid, comment="Changes with the set of parked roots; null: none yet."),
    schema="read",
)
"""How far a projection has come in a shard: written in the same transaction as the effect; owner's lock and fence."""

PROJECTIONS = Table(
    "projections",
    METADATA,
    Column("projection", Text, primary_key=True),
    Column("version", Integer, nullable=False, comment="What queries read and projectors keep up."),
    Column("serving_since", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("building", Integer, comment="The version that a rebuild is filling; null where none is."),
    Column("building_since", DateTime(timezone=True)),
    Column("kept", Integer, comment="The version before, whose tables are still there; nobody keeps it up."),
    schema="read",
)
"""Which version of each read model serves. A projection that has no row is served in version 1."""
