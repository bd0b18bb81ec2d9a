"""The server-side functions of the line, as the migrations install them. A changed function is a new migration."""

__all__ = ["APPEND_EVENTS", "COMMIT_COMMAND", "ENSURE_PARTITIONS", "HEAD_OF"]

APPEND_EVENTS = """
CREATE FUNCTION log.append_events(
  p_shard smallint, p_event_ids uuid[], p_types text[], p_workspace text, p_kinds text[], p_aggregates uuid[],
  p_generations bigint[], p_roots uuid[], p_envelopes bytea[], OUT o_epoch integer, OUT o_position bigint
) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  -- Held until commit: inside a shard the order of positions is the order of commits, without gaps.
  PERFORM pg_advisory_xact_lock(1112888661, p_shard);
  -- A statement of its own, so that its snapshot is taken after the lock (READ COMMITTED).
  SELECT e.position INTO o_position FROM log.events e WHERE e.shard = p_shard ORDER BY e.position DESC LIMIT 1;
  IF o_position IS NULL THEN
    SELECT f.position INTO STRICT o_position FROM log.floors f WHERE f.shard = p_shard;
  END IF;
  SELECT max(e.epoch) INTO o_epoch FROM log.epochs e WHERE e.shard = p_shard;
  INSERT INTO log.events
    (shard, position, epoch, event_id, event_type, workspace_id, aggregate_kind, aggregate_id, generation, root_id,
     envelope)
  SELECT p_shard, o_position + n.ordinality, o_epoch, n.event_id, n.type, p_workspace, n.kind, n.aggregate_id,
         n.generation, n.root_id, n.envelope
  FROM unnest(p_event_ids, p_types, p_kinds, p_aggregates, p_generations, p_roots, p_envelopes)
       WITH ORDINALITY AS n(event_id, type, kind, aggregate_id, generation, root_id, envelope);
  o_position := o_position + cardinality(p_event_ids);
END $$
"""
"""Append events of one shard at its next positions; the caller takes several shards in ascending order."""

COMMIT_COMMAND = """
CREATE FUNCTION write.commit_command(
  p_workspace text, p_principal text, p_key text, p_fingerprint bytea, p_result bytea,
  p_kinds text[], p_ids uuid[], p_revisions bigint[], p_generations bigint[], p_states jsonb[],
  p_message_tasks uuid[], p_message_ordinals integer[], p_message_bodies bytea[],
  p_shards smallint[],
  p_event_shards smallint[], p_event_ids uuid[], p_event_types text[], p_event_kinds text[], p_event_aggregates uuid[],
  p_event_generations bigint[], p_event_roots uuid[], p_envelopes bytea[]
) RETURNS TABLE (o_epoch integer, o_shards smallint[], o_positions bigint[]) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  appended record;
  current_shard smallint;
BEGIN
  o_epoch := 0;
  o_shards := p_shards;
  o_positions := '{}';
  FOR i IN 1 .. cardinality(p_ids) LOOP
    IF p_revisions[i] = 0 THEN
      INSERT INTO write.aggregates (id, kind, workspace_id, revision, generation, state)
      VALUES (p_ids[i], p_kinds[i], p_workspace, 1, p_generations[i], p_states[i]);
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
"""Aggregates (sorted by id), messages, events (shards ascending) and the receipt, or nothing: one call, one commit."""

HEAD_OF = """
CREATE FUNCTION log.head_of(p_shard smallint, OUT epoch integer, OUT "position" bigint)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  SELECT e.position, e.epoch INTO position, epoch
  FROM log.events e WHERE e.shard = p_shard ORDER BY e.position DESC LIMIT 1;
  IF NOT FOUND THEN
    SELECT f.position, f.epoch INTO STRICT position, epoch FROM log.floors f WHERE f.shard = p_shard;
  END IF;
END $$
"""
"""The last position of a shard that is committed, and its epoch."""

ENSURE_PARTITIONS = """
CREATE FUNCTION log.ensure_partitions(p_ahead integer) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  size constant bigint := 1000000;
  head bigint;
  made integer := 0;
  lower_bound bigint;
  partition_name text;
BEGIN
  PERFORM pg_advisory_xact_lock(1112888661, -1);
  SELECT greatest(coalesce(max(h.position), 0), 0) INTO head FROM log.floors f, LATERAL log.head_of(f.shard) h;
  FOR n IN head / size .. head / size + p_ahead LOOP
    lower_bound := n * size;
    partition_name := format('events_%s', to_char(n, 'FM000000'));
    CONTINUE WHEN to_regclass('log.' || partition_name) IS NOT NULL;
    EXECUTE format('CREATE TABLE log.%I (LIKE log.events INCLUDING ALL)', partition_name);
    EXECUTE format('CREATE UNIQUE INDEX ON log.%I (aggregate_id, generation)', partition_name);
    -- Attaching takes SHARE UPDATE EXCLUSIVE, creating as a partition ACCESS EXCLUSIVE: writers never wait here.
    EXECUTE format('ALTER TABLE log.events ATTACH PARTITION log.%I FOR VALUES FROM (%s) TO (%s)',
                   partition_name, lower_bound, lower_bound + size);
    made := made + 1;
  END LOOP;
  RETURN made;
END $$
"""
"""Make the partitions of the next million positions and of as many millions ahead as asked; returns how many."""
