"""The server-side function that cuts the log, as the migrations install it."""

__all__ = ["CUT_LOG"]

CUT_LOG = """
CREATE FUNCTION log.cut_log(p_last bigint, p_days integer, p_shards smallint[], p_ends bigint[], p_events text[])
RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  words text;
BEGIN
  -- Before anyone looks who still needs what: whoever registers, or begins to rebuild, waits here, or is seen below.
  PERFORM 1 FROM log.stream_floors f ORDER BY f.shard FOR UPDATE;
  PERFORM 1 FROM log.floors f ORDER BY f.shard FOR UPDATE;
  SELECT format('shard %s is at position %s', f.shard, h.position) INTO words
  FROM log.floors f, LATERAL log.head_of(f.shard) h WHERE h.position < p_last ORDER BY h.position LIMIT 1;
  IF FOUND THEN RETURN words; END IF;
  SELECT format('shard %s has an event of %s there', e.shard, to_char(e.recorded_at, 'YYYY-MM-DD')) INTO words
  FROM log.floors f JOIN log.events e ON e.shard = f.shard AND e.position = p_last
  WHERE e.recorded_at >= clock_timestamp() - make_interval(days => p_days)
  ORDER BY e.recorded_at DESC LIMIT 1;
  IF FOUND THEN RETURN words; END IF;
  SELECT format('the stream of shard %s ends at position %s', s.shard, s.ending) INTO words
  FROM unnest(p_shards, p_ends) AS s(shard, ending) WHERE s.ending < p_last ORDER BY s.ending LIMIT 1;
  IF FOUND THEN RETURN words; END IF;
  SELECT format('the stream of shard %s does not end as the log has it', s.shard) INTO words
  FROM unnest(p_shards, p_ends, p_events) AS s(shard, ending, event_id)
  LEFT JOIN log.events e ON e.shard = s.shard AND e.position = s.ending AND e.event_id::text = s.event_id
  WHERE e.shard IS NULL LIMIT 1;
  IF FOUND THEN RETURN words; END IF;
  IF NOT EXISTS (SELECT FROM read.checkpoints) THEN RETURN 'no projection has run yet'; END IF;
  SELECT format('projection %s is about to be rebuilt', p.projection) INTO words FROM read.projections p
  WHERE p.building IS NOT NULL AND NOT EXISTS (
    SELECT FROM read.checkpoints c WHERE c.projection = p.projection AND c.version = p.building) LIMIT 1;
  IF FOUND THEN RETURN words; END IF;
  -- What a lost future held counts for nothing: its reader has still to read what the log has there now.
  SELECT format('%s is at position %s of shard %s', r.name, a.agreed, r.shard) INTO words FROM (
    SELECT 'projection ' || c.projection || ' version ' || c.version AS name, c.shard, c.epoch, c.position
    FROM read.checkpoints c LEFT JOIN read.projections p USING (projection) WHERE c.version >= coalesce(p.version, 1)
    UNION ALL SELECT 'reader ' || g.reader, g.shard, g.epoch, g.position FROM log.readers g
  ) AS r CROSS JOIN LATERAL (SELECT least(r.position, (
    SELECT min(x.first_position) - 1 FROM log.epochs x WHERE x.shard = r.shard AND x.epoch > r.epoch)) AS agreed) AS a
  WHERE a.agreed < p_last ORDER BY a.agreed LIMIT 1;
  IF FOUND THEN RETURN words; END IF;
  SELECT format('projection %s has parked events there', k.projection) INTO words
  FROM read.parked_events k WHERE k.position <= p_last LIMIT 1;
  IF FOUND THEN RETURN words; END IF;
  UPDATE log.floors f SET epoch = e.epoch, position = e.position, event_id = e.event_id
  FROM log.events e WHERE e.shard = f.shard AND e.position = p_last AND f.position < p_last;
  UPDATE log.stream_floors f SET epoch = e.epoch, position = e.position, event_id = e.event_id
  FROM log.events e WHERE e.shard = f.shard AND e.position = p_last AND f.position < p_last;
  RETURN '';
END $$
"""
"""Let the log begin after a position, on every shard, or say who still needs what is before it: empty when it is done.

The events stay where they are: whoever detaches their partition afterwards takes nothing from anybody."""
