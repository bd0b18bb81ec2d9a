"""`write.commit_command` as of version 3: spending that brings no event adds to a budget, whoever else adds to it."""

__all__ = ["COMMIT_COMMAND_3"]

COMMIT_COMMAND_3 = """
CREATE OR REPLACE FUNCTION write.commit_command(
  p_workspace text, p_principal text, p_key text, p_fingerprint bytea, p_result bytea,
  p_kinds text[], p_ids uuid[], p_revisions bigint[], p_generations bigint[], p_states jsonb[],
  p_message_tasks uuid[], p_message_ordinals integer[], p_message_bodies bytea[],
  p_shards smallint[],
  p_event_shards smallint[], p_event_ids uuid[], p_event_types text[], p_event_kinds text[], p_event_aggregates uuid[],
  p_event_generations bigint[], p_event_roots uuid[], p_envelopes bytea[],
  p_budget_scopes text[], p_budget_ids uuid[], p_budget_generations bigint[]
) RETURNS TABLE (o_epoch integer, o_shards smallint[], o_positions bigint[]) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  appended record;
  current_shard smallint;
BEGIN
  o_epoch := 0;
  o_shards := p_shards;
  o_positions := '{}';
  -- Before every row and shard, so that no two commands meet crosswise. Whoever changes what a budget allows is alone
  -- in the workspace; those who were allowed something by budgets are many, and never wait for each other.
  IF 'budget' = ANY (p_event_kinds) THEN
    PERFORM pg_advisory_xact_lock(1112888662, hashtext(p_workspace));
  ELSIF cardinality(p_budget_scopes) > 0 THEN
    PERFORM pg_advisory_xact_lock_shared(1112888662, hashtext(p_workspace));
  END IF;
  -- A statement of its own, so that its snapshot is taken after the lock (READ COMMITTED).
  IF cardinality(p_budget_scopes) > 0 AND EXISTS (
    SELECT FROM write.aggregates a
    WHERE a.kind = 'budget' AND a.workspace_id = p_workspace AND a.state ->> 'status' <> 'removed'
      AND a.state ->> 'scope' = ANY (p_budget_scopes)
      AND NOT EXISTS (
        SELECT FROM unnest(p_budget_ids, p_budget_generations) AS seen(id, generation)
        WHERE seen.id = a.id AND seen.generation = a.generation
      )
  ) THEN
    RAISE EXCEPTION 'a budget over this is not what was decided on' USING ERRCODE = 'BU001';
  END IF;
  FOR i IN 1 .. cardinality(p_ids) LOOP
    IF p_revisions[i] = 0 THEN
      INSERT INTO write.aggregates (id, kind, workspace_id, revision, generation, state)
      VALUES (p_ids[i], p_kinds[i], p_workspace, 1, p_generations[i], p_states[i]);
    ELSIF p_revisions[i] < 0 THEN
      -- Spending that brings no event: whoever else spends meanwhile is waited for, and is no conflict.
      UPDATE write.aggregates a SET revision = a.revision + 1, state = jsonb_set(a.state, '{spent}', to_jsonb(
        ((a.state ->> 'spent')::numeric + (p_states[i] ->> 'amount')::numeric)::text
      ))
      WHERE a.id = p_ids[i] AND a.workspace_id = p_workspace AND a.generation = p_generations[i]
        AND a.state ->> 'window_began' IS NOT DISTINCT FROM p_states[i] ->> 'window_began'
        AND (p_states[i] ->> 'below' IS NULL OR (a.state ->> 'spent')::numeric + (p_states[i] ->> 'amount')::numeric
             < (p_states[i] ->> 'below')::numeric);
      IF NOT FOUND THEN
        RAISE EXCEPTION 'the spend does not add to %', p_ids[i] USING ERRCODE = 'BU001';
      END IF;
    ELSE
      UPDATE write.aggregates a SET revision = a.revision + 1, generation = p_generations[i], state = p_states[i]
      WHERE a.id = p_ids[i] AND a.workspace_id = p_workspace AND a.revision = p_revisions[i];
      IF NOT FOUND THEN
        RAISE EXCEPTION 'revision conflict on %', p_ids[i] USING ERRCODE = 'BU001';
      END IF;
    END IF;
  END LOOP;
  IF cardinality(p_message_tasks) > 0 THEN
    INSERT INTO write.messages (task_id, ordinal, body)
    SELECT * FROM unnest(p_message_tasks, p_message_ordinals, p_message_bodies);
  END IF;
  IF cardinality(p_shards) = 1 AND cardinality(p_event_ids) > 0 THEN
    -- Nearly every command: one shard, so that nothing need be sorted out by shard first.
    SELECT a.o_epoch, ARRAY[a.o_position] INTO o_epoch, o_positions
    FROM log.append_events(p_shards[1], p_event_ids, p_event_types, p_workspace, p_event_kinds, p_event_aggregates,
                           p_event_generations, p_event_roots, p_envelopes) a;
  ELSE
    FOREACH current_shard IN ARRAY p_shards LOOP
      SELECT array_agg(n.event_id ORDER BY n.o) AS event_ids, array_agg(n.type ORDER BY n.o) AS types,
             array_agg(n.kind ORDER BY n.o) AS kinds, array_agg(n.aggregate_id ORDER BY n.o) AS aggregates,
             array_agg(n.generation ORDER BY n.o) AS generations, array_agg(n.root_id ORDER BY n.o) AS roots,
             array_agg(n.envelope ORDER BY n.o) AS envelopes
      INTO appended
      FROM unnest(p_event_shards, p_event_ids, p_event_types, p_event_kinds, p_event_aggregates, p_event_generations,
                  p_event_roots, p_envelopes)
           WITH ORDINALITY AS n(shard, event_id, type, kind, aggregate_id, generation, root_id, envelope, o)
      WHERE n.shard = current_shard;
      IF appended.event_ids IS NULL THEN
        SELECT o.epoch, o.position INTO appended FROM log.head_of(current_shard) o;
      ELSE
        SELECT a.o_epoch AS epoch, a.o_position AS position INTO appended
        FROM log.append_events(current_shard, appended.event_ids, appended.types, p_workspace, appended.kinds,
                               appended.aggregates, appended.generations, appended.roots, appended.envelopes) a;
      END IF;
      o_epoch := greatest(o_epoch, appended.epoch);
      o_positions := o_positions || appended.position;
    END LOOP;
  END IF;
  -- Without ON CONFLICT: a duplicate aborts the whole call, and waits for a first that has not committed yet.
  INSERT INTO write.receipts (workspace_id, principal, key, fingerprint, result, epoch, shards, positions)
  VALUES (p_workspace, p_principal, p_key, p_fingerprint, p_result, o_epoch, o_shards, o_positions);
  RETURN NEXT;
END $$
"""
"""As version 2; a negative revision means that `p_states` holds what is spent of a budget, not the budget's state.

It adds `amount` where the budget is of this generation and window and stays below `below`, if that is not null.
"""
