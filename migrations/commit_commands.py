"""`write.commit_commands`: what several commands decided, in one transaction; and `write.commit_command` as of then."""

from migrations.commit_command_3 import COMMIT_COMMAND_3

__all__ = ["COMMIT_COMMANDS", "COMMIT_COMMAND_4"]

_RECEIPT = """  INSERT INTO write.receipts (workspace_id, principal, key, fingerprint, result, epoch, shards, positions)
  VALUES (p_workspace, p_principal, p_key, p_fingerprint, p_result, o_epoch, o_shards, o_positions);
"""

COMMIT_COMMAND_4 = COMMIT_COMMAND_3.replace(_RECEIPT, f"  IF p_key IS NOT NULL THEN\n{_RECEIPT}  END IF;\n")
"""As version 3; without a key it writes no receipt, for its caller does."""

COMMIT_COMMANDS = """
CREATE FUNCTION write.commit_commands(
  p_workspace text, p_principals text[], p_keys text[], p_fingerprints bytea[], p_results bytea[],
  p_receipt_shards smallint[],
  p_kinds text[], p_ids uuid[], p_revisions bigint[], p_generations bigint[], p_states jsonb[],
  p_message_tasks uuid[], p_message_ordinals integer[], p_message_bodies bytea[],
  p_shards smallint[],
  p_event_shards smallint[], p_event_ids uuid[], p_event_types text[], p_event_kinds text[], p_event_aggregates uuid[],
  p_event_generations bigint[], p_event_roots uuid[], p_envelopes bytea[],
  p_budget_scopes text[], p_budget_ids uuid[], p_budget_generations bigint[]
) RETURNS TABLE (o_shard smallint, o_epoch integer, o_position bigint) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM write.commit_command(
    p_workspace, NULL, NULL, NULL, NULL, p_kinds, p_ids, p_revisions, p_generations, p_states,
    p_message_tasks, p_message_ordinals, p_message_bodies, p_shards,
    p_event_shards, p_event_ids, p_event_types, p_event_kinds, p_event_aggregates, p_event_generations, p_event_roots,
    p_envelopes, p_budget_scopes, p_budget_ids, p_budget_generations
  );
  -- The shards are locked until commit: their heads are where these commands have brought them.
  RETURN QUERY SELECT s.shard, h.epoch, h.position FROM unnest(p_shards) AS s(shard), log.head_of(s.shard) h;
  -- In the order of keys: two calls with the same ones meet at the first, never crosswise.
  INSERT INTO write.receipts (workspace_id, principal, key, fingerprint, result, epoch, shards, positions)
  SELECT p_workspace, n.principal, n.key, n.fingerprint, n.result, h.epoch, ARRAY[n.shard], ARRAY[h.position]
  FROM unnest(p_principals, p_keys, p_fingerprints, p_results, p_receipt_shards)
         AS n(principal, key, fingerprint, result, shard),
       log.head_of(n.shard) h
  ORDER BY n.principal, n.key;
END $$
"""
"""Several commands of one workspace, each of one shard, in one commit; or none of them.

As for one command: aggregates sorted by id, shards ascending; then a receipt for each. Returns how far each shard came.
"""
