"""The examples that OpenAPI shows of every answer."""

from collections.abc import Mapping
from typing import Any, Final

__all__ = [
    "AGENTS_EXAMPLE",
    "AGENT_EXAMPLE",
    "APPROVALS_EXAMPLE",
    "APPROVAL_EXAMPLE",
    "BUDGETS_EXAMPLE",
    "BUDGET_EXAMPLE",
    "CONTEXT_EXAMPLE",
    "DEAD_LETTERS_EXAMPLE",
    "DEAD_LETTER_EXAMPLE",
    "TASKS_EXAMPLE",
    "TASK_EXAMPLE",
    "TIMELINE_EXAMPLE",
    "USAGE_EXAMPLE",
]

_AGENT_ID: Final = "0198c2a4-6f00-7d2e-9a53-0d4f1c7be001"
_TASK_ID: Final = "0198c2a4-7a10-7c11-8e0a-52d9b3e4a102"
_SUBMITTED: Final = "2026-11-20T09:30:00.125000Z"
_FINISHED: Final = "2026-11-20T09:30:02.480000Z"

_AGENT_SUMMARY: Final = {
    "agent_id": _AGENT_ID,
    "name": "log-analyst",
    "description": "Finds what matters in a log.",
    "status": "active",
    "skills": ["analyse-log"],
    "generation": 1,
    "registered_at": _SUBMITTED,
    "updated_at": _SUBMITTED,
}
AGENTS_EXAMPLE: Final[Mapping[str, Any]] = {"data": [_AGENT_SUMMARY], "next_cursor": None, "has_more": False}
"""A page of agents."""

AGENT_EXAMPLE: Final[Mapping[str, Any]] = {
    "agent_id": _AGENT_ID,
    "workspace_id": "default",
    "name": "log-analyst",
    "status": "active",
    "status_reason": None,
    "card": {"description": "Finds what matters in a log.", "version": "1"},
    "policy": {"lease_seconds": 60, "max_attempts": 3},
    "generation": 1,
    "registered_at": _SUBMITTED,
    "updated_at": _SUBMITTED,
}
"""An agent, whole."""

_TASK_SUMMARY: Final = {
    "task_id": _TASK_ID,
    "context_id": "incident-42",
    "agent_id": _AGENT_ID,
    "state": "completed",
    "title": "Why were we slow this morning?",
    "priority": 5,
    "attempt": 1,
    "progress": 1.0,
    "generation": 4,
    "submitted_at": _SUBMITTED,
    "updated_at": _FINISHED,
    "finished_at": _FINISHED,
}
TASKS_EXAMPLE: Final[Mapping[str, Any]] = {"data": [_TASK_SUMMARY], "next_cursor": "lx0…", "has_more": True}
"""A page of tasks."""

TASK_EXAMPLE: Final[Mapping[str, Any]] = {
    **{name: value for name, value in _TASK_SUMMARY.items() if name not in {"state", "title"}},
    "workspace_id": "default",
    "status": {"state": "completed", "message": None, "timestamp": _FINISHED},
    "max_attempts": 3,
    "worker": "analyst-1",
    "failure": None,
    "cancel_reason": None,
    "usage": {"tool_calls": 2, "duration_ms": 2210},
    "metadata": {},
    "reference_task_ids": [],
    "not_before": None,
    "deadline": None,
    "attempt_started_at": None,
    "retry_at": None,
    "attempts": [],
    "waiting": None,
    "reject_reason": None,
    "messages": [{"message_id": "m-1", "role": "user", "parts": [{"text": "Why were we slow this morning?"}]}],
    "artifacts": [{"artifact_id": "report", "name": "Report", "parts": [{"text": "# Slow requests"}]}],
}
"""A task with its content."""

TIMELINE_EXAMPLE: Final[Mapping[str, Any]] = {
    "data": [
        {
            "task_id": _TASK_ID,
            "generation": 1,
            "event_id": "0198c2a4-7a11-7a00-b7f2-3f2f6f0c9d11",
            "type": "task.submitted",
            "time": _SUBMITTED,
            "data": {"agent_id": _AGENT_ID, "priority": 5},
        }
    ],
    "next_cursor": None,
    "has_more": False,
}
"""A page of a task's changes."""

_APPROVAL_SUMMARY: Final = {
    "approval_id": "0198c2a4-7b00-7b21-9d11-6a1c2f0e7d03",
    "task_id": _TASK_ID,
    "agent_id": _AGENT_ID,
    "operation": "payments.refund",
    "status": "pending",
    "approvals": 1,
    "refusals": 0,
    "required": 2,
    "is_used": False,
    "generation": 2,
    "requested_at": _SUBMITTED,
    "expires_at": "2026-11-21T09:30:00.125000Z",
    "decided_at": None,
}
APPROVALS_EXAMPLE: Final[Mapping[str, Any]] = {"data": [_APPROVAL_SUMMARY], "next_cursor": None, "has_more": False}
"""A page of approvals."""

APPROVAL_EXAMPLE: Final[Mapping[str, Any]] = {
    **{name: value for name, value in _APPROVAL_SUMMARY.items() if name not in {"approvals", "refusals"}},
    "workspace_id": "default",
    "arguments": {"order": "A-17", "amount": "40.00"},
    "message": None,
    "rule": {"operations": ["payments.*"], "roles": ["finance"], "required": 2, "expires_in_seconds": 86400},
    "requested_by": "9f1c2d",
    "votes": [{"by": "4b7a90", "decision": "approve", "time": _FINISHED}],
    "used_at": None,
    "updated_at": _FINISHED,
}
"""An approval, whole."""

BUDGET_EXAMPLE: Final[Mapping[str, Any]] = {
    "budget_id": "0198c2a4-7c00-7e52-8c44-91b7d0a35f04",
    "workspace_id": "default",
    "scope": f"agent:{_AGENT_ID}",
    "amount": "25.00",
    "currency": "USD",
    "window": "day",
    "warn_fraction": "0.8",
    "on_breach": "input",
    "status": "active",
    "spent": "20.40",
    "spent_at": _FINISHED,
    "exhausted_until": None,
    "generation": 2,
    "set_at": _SUBMITTED,
    "updated_at": _FINISHED,
}
"""A budget after its warning."""

BUDGETS_EXAMPLE: Final[Mapping[str, Any]] = {"data": [BUDGET_EXAMPLE], "next_cursor": None, "has_more": False}
"""A page of budgets."""

_USAGE: Final = {
    "input_tokens": 5200,
    "output_tokens": 640,
    "cached_input_tokens": 4100,
    "tool_calls": 12,
    "duration_ms": 48200,
    "cost": {"USD": "0.37"},
}
USAGE_EXAMPLE: Final[Mapping[str, Any]] = {
    "agent_id": _AGENT_ID,
    "context_id": None,
    "tasks": 4,
    "reports": 9,
    "usage": _USAGE,
    "by_model": [{"model": "large-1", "reports": 9, "usage": _USAGE}],
}
"""What an agent used."""

CONTEXT_EXAMPLE: Final[Mapping[str, Any]] = {
    "context_id": "incident-42",
    "tasks": 3,
    "by_state": {"completed": 2, "working": 1},
    "first_submitted_at": _SUBMITTED,
    "last_submitted_at": _FINISHED,
    "tasks_url": "/api/v1/tasks?context_id=incident-42",
}
"""How the tasks of a context stand."""

_DEAD_LETTER: Final = {
    "dead_letter_id": "0193a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1c",
    "projection": "tasks",
    "root_id": _TASK_ID,
    "shard": 5,
    "position": 1042,
    "event_id": "0193a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b",
    "event_type": "task.progressed",
    "error": "ProjectionError: task.progressed is generation 4 of a task which is at 2",
    "attempts": 1,
    "parked_at": _FINISHED,
    "failed_at": _FINISHED,
    "events": 1,
}
DEAD_LETTERS_EXAMPLE: Final[Mapping[str, Any]] = {"data": [_DEAD_LETTER], "next_cursor": None, "has_more": False}
"""A page of dead letters."""

DEAD_LETTER_EXAMPLE: Final[Mapping[str, Any]] = {
    **_DEAD_LETTER,
    "waiting": [
        {
            "position": 1042,
            "epoch": 1,
            "event_id": _DEAD_LETTER["event_id"],
            "event_type": "task.progressed",
            "aggregate_kind": "task",
            "aggregate_id": _TASK_ID,
            "generation": 4,
            "recorded_at": _FINISHED,
            "event": {"specversion": "1.0", "type": "task.progressed", "data": {"attempt": 1, "fraction": 0.5}},
        }
    ],
}
"""A dead letter with what waits."""
