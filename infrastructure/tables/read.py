"""The tables that every read model shares; those of the models themselves stand in the modules beside this one."""

from sqlalchemy import BigInteger, Column, Integer, SmallInteger, Table, Text

from infrastructure.tables.metadata import METADATA

__all__ = ["CHECKPOINTS"]

CHECKPOINTS = Table(
    "checkpoints",
    METADATA,
    Column("projection", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("epoch", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    schema="read",
)
"""How far a projection has come in a shard: written in the same transaction as the effect; owner's lock and fence."""
