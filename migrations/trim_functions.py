"""The server-side function that decides how far the streams may be trimmed, as the migrations install it."""

__all__ = ["RAISE_STREAM_FLOORS"]

RAISE_STREAM_FLOORS = """
CREATE FUNCTION log.raise_stream_floors(
  p_shards smallint[], p_epochs integer[], p_ends bigint[], p_events text[], p_keep bigint, p_limit bigint
) RETURNS TABLE (o_shard smallint, o_epoch integer, o_position bigint) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  stream record;
  slowest bigint;
  goal bigint;
BEGIN
  -- Before anyone looks who reads: whoever registers meanwhile waits here, or is seen below.
  PERFORM 1 FROM log.stream_floors f WHERE f.shard = ANY(p_shards) ORDER BY f.shard FOR UPDATE;
  FOR stream IN
    SELECT f.shard, f.position AS floor, e.position AS ending
    FROM unnest(p_shards, p_epochs, p_ends, p_events) AS s(shard, epoch, ending, event_id)
    JOIN log.stream_floors f ON f.shard = s.shard
    -- A stream that does not end as the log has it is the relay's to mend first.
    JOIN log.events e ON e.shard = s.shard AND e.position = s.ending AND e.epoch = s.epoch
      AND e.event_id::text = s.event_id
    ORDER BY f.shard
  LOOP
    -- What a lost future held counts for nothing: its reader has still to read what the log has there now.
    SELECT min(least(r.position, (
      SELECT min(x.first_position) - 1 FROM log.epochs x WHERE x.shard = stream.shard AND x.epoch > r.epoch)))
    INTO slowest FROM (
      SELECT c.epoch, c.position FROM read.checkpoints c LEFT JOIN read.projections p USING (projection)
      WHERE c.shard = stream.shard AND c.version = coalesce(p.version, 1)  -- what is being built reads the log
      UNION ALL SELECT g.epoch, g.position FROM log.readers g WHERE g.shard = stream.shard
    ) AS r;
    goal := greatest(least(slowest, stream.ending - p_keep), stream.ending - p_limit);
    CONTINUE WHEN goal <= stream.floor;
    UPDATE log.readers g SET missed = g.missed + goal - greatest(g.position, stream.floor)
    WHERE g.shard = stream.shard AND g.position < goal;
    UPDATE log.stream_floors f SET epoch = e.epoch, position = e.position, event_id = e.event_id
    FROM log.events e WHERE f.shard = stream.shard AND e.shard = stream.shard AND e.position = goal;
  END LOOP;
  RETURN QUERY SELECT f.shard, f.epoch, f.position FROM log.stream_floors f WHERE f.shard = ANY(p_shards)
    ORDER BY f.shard;
END $$
"""
"""Raise the floors of streams, given their last entries, and return them: behind every projection and registered
reader and so many entries before the end, but never further from the end than the limit, whoever misses it."""
