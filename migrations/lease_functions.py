"""The server-side function that shares shards out among processes, as the migrations install it.

Leases save work and decide nothing: whoever works on a shard is guarded by what it writes to (the stream's last entry,
the checkpoint's row). So these rows may be lost, late or wrong, and only cost double work or a moment's wait.
"""

__all__ = ["RENEW_LEASES", "RENEW_LEASES_WITH_REPORT"]

RENEW_LEASES = """
CREATE FUNCTION log.renew_leases(p_member uuid, p_name text, p_roles text[], p_seconds double precision)
RETURNS TABLE (o_role text, o_shards smallint[], o_members integer, o_is_news boolean)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  shard_count integer;
  known integer;
  held integer;
  older integer;
  fair integer;
BEGIN
  SELECT count(*) INTO shard_count FROM log.floors;
  FOREACH o_role IN ARRAY p_roles LOOP
    -- New, or thought dead by the others: they have to hear of it.
    o_is_news := NOT EXISTS (
      SELECT FROM log.members m WHERE m.role = o_role AND m.member = p_member AND m.expires_at > clock_timestamp());
    INSERT INTO log.members AS m (role, member, name, expires_at)
    VALUES (o_role, p_member, p_name, clock_timestamp() + make_interval(secs => p_seconds))
    ON CONFLICT (role, member) DO UPDATE SET expires_at = excluded.expires_at;
    SELECT count(*), count(*) FILTER (WHERE m.member < p_member) INTO o_members, older
    FROM log.members m WHERE m.role = o_role AND m.expires_at > clock_timestamp();
    -- Shares differ by one at the most, and their sum is the number of shards: what one gives up another claims.
    fair := shard_count / o_members + (older < shard_count % o_members)::integer;
    SELECT count(*), count(*) FILTER (WHERE l.holder = p_member) INTO known, held
    FROM log.shard_leases l WHERE l.role = o_role;
    IF known < shard_count THEN
      INSERT INTO log.shard_leases (role, shard) SELECT o_role, f.shard FROM log.floors f ON CONFLICT DO NOTHING;
    END IF;
    -- SKIP LOCKED everywhere: no member ever waits for another.
    IF held > fair THEN
      WITH surplus AS MATERIALIZED (
        SELECT l.shard FROM log.shard_leases l WHERE l.role = o_role AND l.holder = p_member
        ORDER BY l.shard DESC LIMIT held - fair FOR UPDATE SKIP LOCKED
      ) UPDATE log.shard_leases l SET holder = NULL FROM surplus s WHERE l.role = o_role AND l.shard = s.shard;
      o_is_news := true;
    ELSIF held < fair THEN
      WITH free AS MATERIALIZED (
        SELECT l.shard FROM log.shard_leases l
        WHERE l.role = o_role AND (l.holder IS NULL OR l.holder <> p_member AND NOT EXISTS (
          SELECT FROM log.members m
          WHERE m.role = o_role AND m.member = l.holder AND m.expires_at > clock_timestamp()))
        ORDER BY l.shard LIMIT fair - held FOR UPDATE SKIP LOCKED
      ) UPDATE log.shard_leases l SET holder = p_member FROM free f WHERE l.role = o_role AND l.shard = f.shard;
    END IF;
    DELETE FROM log.members m WHERE (m.role, m.member) IN (
      SELECT d.role, d.member FROM log.members d
      WHERE d.role = o_role AND d.expires_at < clock_timestamp() - interval '1 minute' FOR UPDATE SKIP LOCKED);
    o_shards := ARRAY(
      SELECT l.shard FROM log.shard_leases l WHERE l.role = o_role AND l.holder = p_member ORDER BY l.shard);
    RETURN NEXT;
  END LOOP;
END $$
"""
"""Renew a member's leases of some roles, give up what is above its fair share, claim what is missing and free.

Answers for each role the shards held, the living members, and whether the others should look at once.
"""

RENEW_LEASES_WITH_REPORT = (
    RENEW_LEASES.replace("p_seconds double precision)", "p_seconds double precision, p_report text)")
    .replace("name, expires_at)", "name, expires_at, report)")
    .replace("make_interval(secs => p_seconds))", "make_interval(secs => p_seconds), p_report)")
    .replace("SET expires_at = excluded.expires_at", "SET expires_at = excluded.expires_at, report = excluded.report")
)
"""The same, keeping what the member says of its work; the function without it stays for processes not yet renewed."""
