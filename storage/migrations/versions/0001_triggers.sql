-- What the database sees to by itself, whoever is connected.

-- The ledger only grows. Nobody changes or deletes an entry, its owner included; each partition refuses to be emptied.

CREATE FUNCTION forbear_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% refuses %', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'The ledger only grows.';
END
$$;

CREATE TRIGGER ledger_keeps BEFORE UPDATE OR DELETE ON ledger FOR EACH ROW EXECUTE FUNCTION forbear_refuse();
CREATE TRIGGER ledger_is_not_emptied BEFORE TRUNCATE ON ledger FOR EACH STATEMENT EXECUTE FUNCTION forbear_refuse();
ALTER TABLE ledger ENABLE ALWAYS TRIGGER ledger_keeps;
ALTER TABLE ledger ENABLE ALWAYS TRIGGER ledger_is_not_emptied;

-- One partition a month (UTC). The processes may have one made, for their clock may run ahead. What belongs to a month
-- that has none lies in ledger_default, so that nothing is ever lost; a month that lies there stays there.
-- Partitions have row-level security without a policy: they are read and written through the ledger alone.

CREATE FUNCTION forbear_protect_ledger_part(part regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', part);
    EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, forbear_app', part);
    EXECUTE format(
        'CREATE TRIGGER ledger_part_is_not_emptied BEFORE TRUNCATE ON %s FOR EACH STATEMENT
             EXECUTE FUNCTION forbear_refuse()', part);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER ledger_part_is_not_emptied', part);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER ledger_keeps', part);
END
$$;

CREATE TABLE ledger_default PARTITION OF ledger DEFAULT;
SELECT forbear_protect_ledger_part('ledger_default');

-- Whether the month that holds `day` got a partition; false where it has one, or lies in ledger_default already.
-- Attaching a table, unlike making it as a partition, lets others go on writing to the ledger meanwhile.
CREATE FUNCTION forbear_ensure_ledger_month(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    first date := date_trunc('month', day::timestamp)::date;
    part text := 'ledger_' || to_char(first, 'YYYY_MM');
BEGIN
    IF first NOT BETWEEN '2000-01-01' AND '2199-12-01' THEN
        RAISE EXCEPTION 'no ledger is kept for %', day USING ERRCODE = 'datetime_field_overflow';
    END IF;
    IF to_regclass(part) IS NOT NULL THEN
        RETURN false;
    END IF;
    LOCK TABLE ledger IN SHARE UPDATE EXCLUSIVE MODE;
    IF to_regclass(part) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE ledger INCLUDING ALL)', part);
    EXECUTE format(
        'ALTER TABLE ledger ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        part, first || ' 00:00:00+00', (first + interval '1 month')::date || ' 00:00:00+00');
    PERFORM forbear_protect_ledger_part(part::regclass);
    RETURN true;
EXCEPTION WHEN check_violation THEN
    RETURN false;
END
$$;

-- A version of a campaign that was launched stays as it was: what was sent can be shown to follow from it.

CREATE FUNCTION forbear_keep_launched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
        OR ROW(new.campaign_id, new.creditor_id, new.name, new.version, new.digest, new.source, new.launched_at)
            IS DISTINCT FROM
            ROW(old.campaign_id, old.creditor_id, old.name, old.version, old.digest, old.source, old.launched_at)
    THEN
        RAISE EXCEPTION 'campaigns refuses % of a launched version', TG_OP
            USING ERRCODE = 'restrict_violation', HINT = 'Launch a new version instead.';
    END IF;
    RETURN new;
END
$$;

CREATE TRIGGER campaign_stays BEFORE UPDATE OR DELETE ON campaigns FOR EACH ROW
    WHEN (old.launched_at IS NOT NULL) EXECUTE FUNCTION forbear_keep_launched();
ALTER TABLE campaigns ENABLE ALWAYS TRIGGER campaign_stays;

-- Attempts that enter a state are counted in the transaction in which they do, by the hour in which it happened on the
-- clock that the attempts were written by. One statement counts all of its rows. A retry is not another reservation.

CREATE FUNCTION forbear_count_attempts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO rollup_deltas (creditor_id, campaign_id, hour, measure, key, n)
        SELECT creditor_id, campaign_id,
            date_trunc('hour', greatest(reserved_at, sending_at, accepted_at, settled_at), 'UTC') AS hour,
            'state', concat_ws('/', channel, stage, state) AS key, count(*)
        FROM entered GROUP BY creditor_id, campaign_id, hour, key;
    ELSE
        INSERT INTO rollup_deltas (creditor_id, campaign_id, hour, measure, key, n)
        SELECT e.creditor_id, e.campaign_id,
            date_trunc('hour', greatest(e.reserved_at, e.sending_at, e.accepted_at, e.settled_at), 'UTC') AS hour,
            'state', concat_ws('/', e.channel, e.stage, e.state) AS key, count(*)
        FROM entered e JOIN before b USING (attempt_id)
        WHERE e.state <> b.state AND e.state <> 'reserved'
        GROUP BY e.creditor_id, e.campaign_id, hour, key;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER attempts_are_counted AFTER INSERT ON attempts REFERENCING NEW TABLE AS entered
    FOR EACH STATEMENT EXECUTE FUNCTION forbear_count_attempts();
CREATE TRIGGER attempts_are_counted_again AFTER UPDATE ON attempts REFERENCING OLD TABLE AS before NEW TABLE AS entered
    FOR EACH STATEMENT EXECUTE FUNCTION forbear_count_attempts();

-- The codes of all creditors, of which a transaction of none sees no row. The policy lets this function's owner see them.

CREATE FUNCTION forbear_creditors() RETURNS TABLE (code text, creditor_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT c.code, c.creditor_id FROM creditors c
$$;
CREATE POLICY codes_of_all ON creditors FOR SELECT TO CURRENT_USER USING (true);

REVOKE ALL ON FUNCTION forbear_protect_ledger_part, forbear_ensure_ledger_month, forbear_creditors FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forbear_ensure_ledger_month, forbear_creditors TO forbear_app;
