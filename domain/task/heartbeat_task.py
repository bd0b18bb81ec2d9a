"""Keep a lease alive."""

from datetime import datetime, timedelta

from contracts.record import Record
from domain.rejection import Invalid
from domain.task.facts import LeaseRenewed
from domain.task.state import Task, require_lease

__all__ = ["HeartbeatTask", "decide_heartbeat_task"]


class HeartbeatTask(Record):
    """Renew the lease from now on, by `seconds` or as long as it was given for.

    `received` is the ordinal of the last message that the worker has.
    """

    at: datetime
    lease_number: int | None
    seconds: int | None
    received: int | None = None


def decide_heartbeat_task(command: HeartbeatTask, task: Task | None) -> list[LeaseRenewed]:
    """Return the renewed lease: no event, and the generation stays.

    What the worker has is not kept: it says so each time, and a new lease hands over everything.
    """
    task, lease = require_lease(task, command.lease_number)
    if command.received is not None and command.received > task.messages:
        raise Invalid("unknown_message", f"The task has only {task.messages} messages.")
    seconds = command.seconds or lease.seconds
    expires_at = command.at + timedelta(seconds=seconds)
    return [LeaseRenewed(lease=lease.model_copy(update={"seconds": seconds, "expires_at": expires_at}))]
