"""What a worker is handed of a task's messages, at a lease or a heartbeat."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

__all__ = ["handed_over"]


def handed_over(bodies: Sequence[bytes], *, first_ordinal: int) -> dict[str, Any]:
    """Return the stored bodies as `messages`, and as `answers` what some of them answer."""
    read = [orjson.loads(body) for body in bodies]
    notes = (_note(body, ordinal) for ordinal, body in enumerate(read, start=first_ordinal))
    return {"messages": [body["message"] for body in read], "answers": [note for note in notes if note is not None]}


def _note(body: Mapping[str, Any], ordinal: int) -> dict[str, Any] | None:
    """Return what a message answers, None where it answers nothing."""
    if "request_id" in body:
        return {
            "request_id": body["request_id"],
            "kind": "input",
            "ordinal": ordinal,
            "is_default": body["is_default"],
            "status": None,
        }
    if "approval_id" in body:
        return {
            "request_id": body["approval_id"],
            "kind": "approval",
            "ordinal": ordinal,
            "is_default": False,
            "status": body["status"],
        }
    return None
