"""The statements that find work. Each reads the tasks that it is about by an index, however many others there are.

The conditions are written as the indexes of `write.aggregates` have them: that is how they are found to fit.
"""

from typing import Final

__all__ = ["DUE_STATEMENT", "OPEN_IN_CONTEXT", "OPEN_OF_AGENTS", "OPEN_THAT_WAIT", "WORK_STATEMENT"]

# Stable, unlike clock_timestamp: so an index is searched for it, and what comes later is not even looked at.
_NOW: Final = "(extract(epoch FROM statement_timestamp()) * 1000000)::bigint"
_IS_OPEN: Final = (
    "t.kind = 'task' AND t.state ->> 'state' IN ('submitted', 'working', 'input_required', 'auth_required')"
)
_OF_AGENT: Final = f"{_IS_OPEN} AND (t.state ->> 'agent_id')::uuid = a.id AND jsonb_typeof(t.state -> 'lease')"

# A spent budget of the workspace or the agent is looked for once, not for each of the tasks that it stops.
WORK_STATEMENT: Final = f"""
SELECT a.id, (a.state -> 'policy' ->> 'max_concurrent_tasks')::integer,
  CASE WHEN a.state -> 'policy' ->> 'max_concurrent_tasks' IS NULL THEN '{{}}' ELSE ARRAY(
    SELECT (t.state -> 'lease' ->> 'slot')::integer FROM write.aggregates t WHERE {_OF_AGENT} = 'object'
  ) END,
  ARRAY(
    SELECT c.id FROM write.aggregates c
    WHERE a.state ->> 'status' = 'active'
      AND NOT EXISTS (
        SELECT FROM write.aggregates g
        WHERE g.kind = 'budget' AND g.workspace_id = a.workspace_id AND g.state ->> 'status' = 'exhausted'
          AND g.state ->> 'scope' IN ('workspace', 'agent:' || a.id)
          AND (g.state ->> 'exhausted_until')::bigint > {_NOW}
      )
      AND c.kind = 'task' AND c.workspace_id = a.workspace_id AND c.state ->> 'agent_id' = a.id::text
      AND c.state ->> 'claimable_at' IS NOT NULL AND c.id <> ALL ($3)
      AND (c.state ->> 'claimable_at')::bigint <= {_NOW}
      AND NOT EXISTS (
        SELECT FROM write.aggregates g
        WHERE g.kind = 'budget' AND g.workspace_id = a.workspace_id AND g.state ->> 'status' = 'exhausted'
          AND g.state ->> 'scope' IN ('context:' || (c.state ->> 'context_id'), 'task:' || c.id)
          AND (g.state ->> 'exhausted_until')::bigint > {_NOW}
      )
    ORDER BY (c.state ->> 'priority')::bigint DESC, (c.state ->> 'claimable_at')::bigint
    LIMIT d.wanted
  ),
  a.state ->> 'status' = 'retired', a.state ->> 'name'
FROM unnest($1::uuid[], $2::integer[]) AS d(agent_id, wanted)
JOIN write.aggregates a ON a.id = d.agent_id AND a.kind = 'agent'
"""  # noqa: S608 - constants of this module

DUE_STATEMENT: Final = f"""
SELECT workspace_id, id FROM write.aggregates
WHERE kind = 'task' AND state ->> 'due_at' IS NOT NULL AND (state ->> 'due_at')::bigint <= {_NOW}
  AND id <> ALL ($2)
ORDER BY (state ->> 'due_at')::bigint
LIMIT $1
"""  # noqa: S608 - constants of this module

_FITS: Final = """
  AND ($2::text IS NULL OR t.state ->> 'context_id' = $2)
  AND ($3::uuid IS NULL OR t.state ->> 'agent_id' = $3::text)
  AND ($4::text IS NULL OR t.state ->> 'state' = $4)
  AND ($5::uuid IS NULL OR t.state -> 'waiting' ->> 'request_id' = $5::text)
  AND t.id > $6
ORDER BY t.id
LIMIT $7
"""

OPEN_IN_CONTEXT: Final = f"""
SELECT t.id FROM write.aggregates t WHERE {_IS_OPEN} AND t.workspace_id = $1 AND t.state ->> 'context_id' = $2 {_FITS}
"""  # noqa: S608 - constants of this module

OPEN_THAT_WAIT: Final = f"""
SELECT t.id FROM write.aggregates t
WHERE {_IS_OPEN} AND t.workspace_id = $1 AND t.state -> 'waiting' ->> 'request_id' = $5::uuid::text {_FITS}
"""  # noqa: S608 - constants of this module

# Of each agent those with a lease and those without stand in the order of their ids.
OPEN_OF_AGENTS: Final = f"""
SELECT o.id FROM write.aggregates a
CROSS JOIN LATERAL (
  (SELECT t.id FROM write.aggregates t WHERE {_OF_AGENT} = 'object' {_FITS})
  UNION ALL
  (SELECT t.id FROM write.aggregates t WHERE {_OF_AGENT} = 'null' {_FITS})
) o
WHERE a.kind = 'agent' AND a.workspace_id = $1 AND ($3::uuid IS NULL OR a.id = $3)
ORDER BY o.id
LIMIT $7
"""  # noqa: S608 - constants of this module
