"""Finding work for leases, and the content that goes with it.

Reads `write.aggregates` and `write.messages`; writes nothing.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from infrastructure.postgres import Pool

__all__ = ["find_claimable_tasks", "read_messages"]

# One index serves both: tasks that wait, and tasks whose lease ran out.
_CLAIMABLE: Final = """
SELECT t.id, a.id
FROM write.aggregates a
CROSS JOIN LATERAL (
  SELECT c.id, (c.state ->> 'priority')::bigint AS priority, (c.state ->> 'claimable_at')::bigint AS claimable_at
  FROM write.aggregates c
  WHERE c.kind = 'task' AND c.workspace_id = $1 AND c.state ->> 'agent_id' = a.id::text
    AND (c.state ->> 'claimable_at') IS NOT NULL
    AND (c.state ->> 'claimable_at')::bigint <= (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
  ORDER BY (c.state ->> 'priority')::bigint DESC, (c.state ->> 'claimable_at')::bigint
  LIMIT $4
) AS t
WHERE a.workspace_id = $1 AND a.kind = 'agent' AND a.state ->> 'status' = 'active'
  AND (a.id = ANY ($2) OR a.state ->> 'name' = ANY ($3))
ORDER BY t.priority DESC, t.claimable_at
LIMIT $4
"""


async def find_claimable_tasks(
    pool: Pool, workspace_id: str, agent_ids: Sequence[UUID], agent_names: Sequence[str], limit: int
) -> list[tuple[UUID, UUID]]:
    """Return (task id, agent id) of tasks that a worker of these agents may lease now, the most urgent first.

    A look without locks: who takes one is decided by the optimistic check when it is saved.
    """
    rows = await pool.fetch(_CLAIMABLE, workspace_id, agent_ids, agent_names, limit)
    return [(row[0], row[1]) for row in rows]


async def read_messages(pool: Pool, task_ids: Sequence[UUID]) -> dict[UUID, list[bytes]]:
    """Return what workers are handed with these tasks: JSON bodies in order."""
    rows = await pool.fetch(
        "SELECT task_id, body FROM write.messages WHERE task_id = ANY ($1) ORDER BY task_id, ordinal", task_ids
    )
    bodies: dict[UUID, list[bytes]] = {task_id: [] for task_id in task_ids}
    for task_id, body in rows:
        bodies[task_id].append(body)
    return bodies
