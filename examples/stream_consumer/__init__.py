"""An integration: a consumer group on the event streams that keeps a ledger of finished tasks in SQLite.

Each event is in the ledger exactly once, whoever dies: effect and memory of it in one transaction, acknowledged after.
"""

from examples.stream_consumer.consumer import Plan, consume
from examples.stream_consumer.ledger import Entry, Recorded, open_ledger, record_entries, retry_dead_letters

__all__ = ["Entry", "Plan", "Recorded", "consume", "open_ledger", "record_entries", "retry_dead_letters"]
