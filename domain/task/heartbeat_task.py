"""Keep a lease alive."""

from datetime import datetime, timedelta

from contracts.record import Record
from domain.task.facts import LeaseRenewed
from domain.task.state import Task, require_lease

__all__ = ["HeartbeatTask", "decide_heartbeat_task"]


class HeartbeatTask(Record):
    """Renew the lease from now on, by `seconds` or as long as it was given for."""

    at: datetime
    lease_number: int | None
    seconds: int | None


def decide_heartbeat_task(command: HeartbeatTask, task: Task | None) -> list[LeaseRenewed]:
    """Return the renewed lease: no event, and the generation stays."""
    _, lease = require_lease(task, command.lease_number)
    seconds = command.seconds or lease.seconds
    expires_at = command.at + timedelta(seconds=seconds)
    return [LeaseRenewed(lease=lease.model_copy(update={"seconds": seconds, "expires_at": expires_at}))]
