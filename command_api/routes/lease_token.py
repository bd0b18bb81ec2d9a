"""The header with which a worker shows that it has a task."""

from typing import Annotated
from uuid import UUID

from fastapi import Header

from command_api.routes.call import Call
from infrastructure.lease_tokens import read_lease_token

__all__ = ["LeaseToken", "lease_number"]

LeaseToken = Annotated[
    str, Header(alias="Lease-Token", description="From the lease; 409 `lease_lost` where it is not the task's.")
]


def lease_number(call: Call, task_id: UUID, token: str) -> int | None:
    """Return the number of the lease that a token stands for, or None where it is no token of this task."""
    return read_lease_token(call.services.secret_key, task_id, token)
