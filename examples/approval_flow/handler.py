"""The agent: tidies up databases and caches, and asks before it does."""

from client import AgentPolicy, ApprovalRule, TaskContext, TaskFailedError

__all__ = ["POLICY", "tidy_up"]

POLICY = AgentPolicy(
    lease_seconds=10,
    approvals=(
        # Two operators must agree, and one refusal is enough to leave the database alone; the task goes on without.
        ApprovalRule(
            operations=("database.drop",),
            roles=("operator",),
            required=2,
            expires_in_seconds=86_400,
            on_refusal="resume",
        ),
        # For a cache one is enough, but soon or not at all.
        ApprovalRule(operations=("cache.*",), roles=("operator",), expires_in_seconds=3, on_refusal="resume"),
    ),
)

_OPERATIONS = {"drop": "database.drop", "flush": "cache.flush", "look": "database.look"}


async def tidy_up(task: TaskContext) -> str:
    """Do what the task says in two words, `drop orders`, `flush sessions` or `look orders`, if it may.

    Looking needs no approval, for no rule covers it.
    """
    verb, _, name = task.text.partition(" ")
    if verb not in _OPERATIONS or not name:
        raise TaskFailedError("bad_input", "Say `drop NAME`, `flush NAME` or `look NAME`.")
    operation, arguments = _OPERATIONS[verb], {"name": name}
    decision = await task.approve(operation, arguments, text=f"I would like to {verb} {name}.")
    if not decision.is_approved:
        return f"Left {name} alone: the approval was {decision.status}."
    # Here the thing itself would be done. The approval is used up: it never covers a second time.
    return f"Did {operation} on {name} ({decision.status.replace('_', ' ')})."
