"""The two statements of the write side: one loads all that a command needs, one saves all that it decided."""

from typing import Final

__all__ = ["LOAD_STATEMENT", "SAVE_STATEMENT"]

# With a task comes what decides about it: its agent, the approval that it waits for, the budgets over it; with an
# approval its task.
LOAD_STATEMENT: Final = """
WITH b AS (
  SELECT b.id, b.kind, b.revision, b.state FROM write.aggregates b WHERE b.id = ANY ($4) AND b.workspace_id = $1
)
SELECT clock_timestamp(), r.fingerprint, r.result, r.epoch, r.shards, r.positions, a.id, a.kind, a.revision, a.state
FROM (VALUES (1)) AS one
LEFT JOIN write.receipts r ON r.workspace_id = $1 AND r.principal = $2 AND r.key = $3
LEFT JOIN LATERAL (
  SELECT * FROM b
  UNION ALL
  SELECT n.id, n.kind, n.revision, n.state FROM write.aggregates n
  WHERE n.kind = 'agent' AND n.workspace_id = $1 AND n.state ->> 'name' = ANY ($5)
  UNION ALL
  SELECT o.id, o.kind, o.revision, o.state FROM b
  JOIN write.aggregates o ON o.id = (b.state ->> CASE b.kind WHEN 'task' THEN 'agent_id' ELSE 'task_id' END)::uuid
  WHERE b.kind IN ('task', 'approval') AND o.id <> ALL ($4)
  UNION ALL
  SELECT w.id, w.kind, w.revision, w.state FROM b
  JOIN write.aggregates w ON w.id = (b.state -> 'waiting' ->> 'request_id')::uuid AND w.kind = 'approval'
  WHERE b.kind = 'task' AND b.state -> 'waiting' ->> 'kind' = 'approval'
  UNION ALL
  SELECT g.id, g.kind, g.revision, g.state FROM write.aggregates g
  WHERE g.kind = 'budget' AND g.workspace_id = $1 AND g.state ->> 'status' <> 'removed' AND g.state ->> 'scope' IN (
    SELECT unnest(ARRAY[
      'workspace', 'agent:' || (b.state ->> 'agent_id'), 'context:' || (b.state ->> 'context_id'), 'task:' || b.id
    ]) FROM b WHERE b.kind = 'task'
  )
) AS a ON true
"""

SAVE_STATEMENT: Final = """
SELECT * FROM write.commit_command(
  $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
  $23, $24, $25
)
"""
