"""Every table of the database, for repositories and for Alembic."""

from infrastructure.tables.log import EPOCHS, EVENTS, FLOORS
from infrastructure.tables.metadata import METADATA
from infrastructure.tables.read import CHECKPOINTS
from infrastructure.tables.write import AGGREGATES, API_KEYS, MESSAGES, RECEIPTS

__all__ = ["AGGREGATES", "API_KEYS", "CHECKPOINTS", "EPOCHS", "EVENTS", "FLOORS", "MESSAGES", "METADATA", "RECEIPTS"]
