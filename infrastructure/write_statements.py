"""The statements of the write side: one loads all that commands need, one saves all that one or several decided."""

from typing import Final

__all__ = ["LOAD_STATEMENT", "SAVE_STATEMENT"]

# For each command: the time, its receipt, what it named by id or name. With a task comes what decides about it: its
# agent, the approval that it waits for, the budgets over it, and the messages where they are wanted and few; with an
# approval its task. In ARRAYs, so that each is found by its index whatever the planner believes of their number; from
# JSON, as the number of commands shows in arrays, and the planner then plans anew for each number (400 of 600 µs).
LOAD_STATEMENT: Final = """
SELECT c.n, clock_timestamp(), r.fingerprint, r.result, r.epoch, r.shards, r.positions, a.*
FROM json_to_recordset($1::json)
  AS c(n integer, workspace_id text, principal text, key text, ids uuid[], names text[], has_messages boolean)
LEFT JOIN LATERAL (
  SELECT r.* FROM write.receipts r
  WHERE r.workspace_id = c.workspace_id AND r.principal = c.principal AND r.key = c.key LIMIT 1
) AS r ON true
LEFT JOIN LATERAL (
  WITH b AS MATERIALIZED (
    SELECT b.id, b.kind, b.revision, b.state FROM write.aggregates b
    WHERE b.id = ANY (c.ids) AND b.workspace_id = c.workspace_id
  )
  SELECT b.id, b.kind, b.revision, b.state::text AS content FROM b
  UNION ALL
  SELECT n.id, n.kind, n.revision, n.state::text FROM write.aggregates n
  WHERE n.kind = 'agent' AND n.workspace_id = c.workspace_id AND n.state ->> 'name' = ANY (c.names)
  UNION ALL
  SELECT o.id, o.kind, o.revision, o.state::text FROM write.aggregates o WHERE o.id = ANY (ARRAY(
    SELECT (b.state ->> CASE b.kind WHEN 'task' THEN 'agent_id' ELSE 'task_id' END)::uuid FROM b
    WHERE b.kind IN ('task', 'approval')
  ))
  UNION ALL
  SELECT w.id, w.kind, w.revision, w.state::text FROM write.aggregates w
  WHERE w.kind = 'approval' AND w.id = ANY (ARRAY(
    SELECT (b.state -> 'waiting' ->> 'request_id')::uuid FROM b
    WHERE b.kind = 'task' AND b.state -> 'waiting' ->> 'kind' = 'approval'
  ))
  UNION ALL
  SELECT g.id, g.kind, g.revision, g.state::text FROM write.aggregates g
  WHERE g.kind = 'budget' AND g.workspace_id = c.workspace_id AND g.state ->> 'status' <> 'removed'
    AND g.state ->> 'scope' = ANY (ARRAY(
      SELECT unnest(ARRAY[
        'workspace', 'agent:' || (b.state ->> 'agent_id'), 'context:' || (b.state ->> 'context_id'), 'task:' || b.id
      ]) FROM b WHERE b.kind = 'task'
    ))
  UNION ALL
  SELECT m.task_id, 'message', m.ordinal, convert_from(m.body, 'UTF8') FROM write.messages m
  WHERE c.has_messages AND octet_length(m.body) <= 32768 AND m.task_id = ANY (ARRAY(
    SELECT b.id FROM b WHERE b.kind = 'task' AND coalesce((b.state ->> 'message_bytes')::bigint, 0) <= 32768
  ))
) AS a ON true
"""

SAVE_STATEMENT: Final = """
SELECT o_epochs, o_positions FROM write.commit_commands(
  $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25,
  $26, $27
)
"""
