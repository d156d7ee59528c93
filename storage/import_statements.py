"""The SQL of a portfolio import; `storage/import_portfolio.py` runs it and says what it promises.

Parameters: creditor, portfolio, source, withdrawn, at, sep, and which fields the mapping brings (flags, place, proofs,
points). Two paths: `import_new_…` holds debtors who are certainly new and is emptied into the tables part by part;
`import_rows` and its companions hold all others until the end, when they are judged and merged. `import_people` and
`import_fresh` remember the lines of the first path, `import_first` has a debtor's first line in the second; *plain*:
nobody we know, with one row.
"""

from typing import LiteralString

_ACCOUNT_TYPES: LiteralString = """reference text, account_id uuid, product text, currency text, principal bigint,
    interest bigint, penalty bigint, fees bigint, penalty_daily text, as_of date, due_on date, days_past_due bigint,
    group_reference text, tags text"""
_POINT_TYPES: LiteralString = """point_id uuid, debtor_id uuid, kind text, value_cipher bytea, blind bytea,
    country text, timezones text, verified boolean, priority smallint"""

PATIENCE: tuple[LiteralString, ...] = ("SET LOCAL lock_timeout = '120s'", "SET LOCAL statement_timeout = 0")
"""A merge may have to wait for lanes that a worker holds, and then takes as long as the file is large."""

BY_INDEX: LiteralString = "SET LOCAL enable_seqscan = off"
"""Statistics that were gathered during an import take its tables for empty, and plans then scan them row by row."""

TABLES: tuple[LiteralString, ...] = (
    f"""CREATE TEMPORARY TABLE import_rows (line bigint, {_ACCOUNT_TYPES}, debtor text, debtor_id uuid, is_new boolean,
    kind text, language text, name_cipher bytea, name_token bytea, flags text, facts text, country text,
    verify_salt text, verify_digests text, ring_key text, wrapped bytea) ON COMMIT DROP""",
    f"CREATE TEMPORARY TABLE import_points (line bigint, {_POINT_TYPES}) ON COMMIT DROP",
    "CREATE TEMPORARY TABLE import_stops (line bigint, debtor_id uuid, kind text, since timestamptz) ON COMMIT DROP",
    "CREATE TEMPORARY TABLE import_seen (reference text) ON COMMIT DROP",
    "CREATE TEMPORARY TABLE import_rejects (line bigint, field text, reason text, other_line bigint) ON COMMIT DROP",
    "CREATE TEMPORARY TABLE import_changed (debtor_id uuid) ON COMMIT DROP",
    "CREATE TEMPORARY TABLE import_stopped (debtor_id uuid, kind text) ON COMMIT DROP",
    """CREATE TEMPORARY TABLE import_new_debtors (line bigint, debtor_id uuid, reference text, kind text, language text,
    name_cipher bytea, name_token bytea, flags text, facts text, verify_salt text, verify_digests text, ring_key text,
    wrapped bytea, ledger_seq bigint, ledger_hash bytea) ON COMMIT DROP""",
    f"CREATE TEMPORARY TABLE import_new_points ({_POINT_TYPES}) ON COMMIT DROP",
    f"CREATE TEMPORARY TABLE import_new_accounts (line bigint, debtor_id uuid, {_ACCOUNT_TYPES}) ON COMMIT DROP",
    "CREATE TEMPORARY TABLE import_new_stops (debtor_id uuid, kind text, since timestamptz) ON COMMIT DROP",
    "CREATE TEMPORARY TABLE import_ledger (LIKE ledger) ON COMMIT DROP",
    "CREATE TEMPORARY TABLE import_people (debtor_id uuid, line bigint, kind text, name_token bytea) ON COMMIT DROP",
    "CREATE TEMPORARY TABLE import_fresh (account_id uuid, line bigint) ON COMMIT DROP",
)

TAKE_IN: tuple[LiteralString, ...] = (
    """INSERT INTO debtors (debtor_id, creditor_id, reference, kind, language, name_cipher, facts, flags, verify_salt,
        verify_digests, created_at)
    SELECT debtor_id, %(creditor)s, reference, kind, language, name_cipher, facts::jsonb,
        string_to_array(flags, %(sep)s), verify_salt, string_to_array(verify_digests, %(sep)s), %(at)s
    FROM import_new_debtors""",
    """INSERT INTO debtor_keys (debtor_id, creditor_id, ring_key, wrapped)
    SELECT debtor_id, %(creditor)s, ring_key, wrapped FROM import_new_debtors""",
    """INSERT INTO lanes (debtor_id, creditor_id, ledger_seq, ledger_hash)
    SELECT debtor_id, %(creditor)s, ledger_seq, ledger_hash FROM import_new_debtors""",
    """INSERT INTO contact_points (point_id, creditor_id, debtor_id, kind, value_cipher, blind, country, timezones,
        source, collected_at, verified, priority)
    SELECT point_id, %(creditor)s, debtor_id, kind, value_cipher, blind, country, string_to_array(timezones, %(sep)s),
        %(source)s, %(at)s, verified, priority
    FROM import_new_points""",
    """INSERT INTO accounts (account_id, creditor_id, debtor_id, portfolio_id, reference, product, currency, principal,
        interest, penalty, fees, penalty_daily, as_of, due_on, days_past_due, group_reference, tags, state, updated_at)
    SELECT account_id, %(creditor)s, debtor_id, %(portfolio)s, reference, product, currency, principal, interest,
        penalty, fees, penalty_daily::numeric, as_of, due_on, days_past_due, group_reference,
        string_to_array(tags, %(sep)s), CASE WHEN principal + interest + penalty + fees = 0 THEN 'paid' ELSE 'open' END,
        %(at)s
    FROM import_new_accounts""",
    """INSERT INTO suppressions (suppression_id, creditor_id, debtor_id, kind, source, at)
    SELECT gen_random_uuid(), %(creditor)s, debtor_id, kind, %(source)s, since FROM import_new_stops""",
    "INSERT INTO ledger SELECT * FROM import_ledger",
    "INSERT INTO import_people SELECT debtor_id, line, kind, name_token FROM import_new_debtors",
    "INSERT INTO import_fresh SELECT account_id, line FROM import_new_accounts",
    "TRUNCATE import_new_debtors, import_new_points, import_new_accounts, import_new_stops, import_ledger",
)

ENTRIES: tuple[LiteralString, ...] = ("INSERT INTO ledger SELECT * FROM import_ledger", "TRUNCATE import_ledger")

REPEATED: tuple[LiteralString, ...] = (
    """INSERT INTO import_rejects
    SELECT s.line, 'reference', 'the account is in the file already', f.line
    FROM import_rows s JOIN accounts a ON a.creditor_id = %(creditor)s AND a.reference = s.reference
    JOIN import_fresh f ON f.account_id = a.account_id""",
    """INSERT INTO import_rejects
    SELECT s.line, 'reference', 'the account is in the file already', d.first
    FROM (SELECT reference, min(line) AS first FROM import_rows i
          WHERE NOT EXISTS (SELECT FROM import_rejects r WHERE r.line = i.line)
          GROUP BY reference HAVING count(*) > 1) d
    JOIN import_rows s ON s.reference = d.reference AND s.line > d.first""",
)

CONTRADICTED: tuple[LiteralString, ...] = (
    """INSERT INTO import_rejects
    SELECT s.line, 'debtor', 'the account was handed over as another debtor''s', NULL
    FROM import_rows s JOIN accounts a ON a.creditor_id = %(creditor)s AND a.reference = s.reference
    WHERE a.debtor_id <> s.debtor_id""",
    """INSERT INTO import_rejects
    SELECT s.line, 'currency', 'another currency than the account had before (' || a.currency || ')', NULL
    FROM import_rows s JOIN accounts a ON a.creditor_id = %(creditor)s AND a.reference = s.reference
    WHERE a.currency <> s.currency""",
    """INSERT INTO import_rejects
    SELECT s.line, 'as_of', 'older than the balances known already (as of ' || a.as_of || ')', NULL
    FROM import_rows s JOIN accounts a ON a.creditor_id = %(creditor)s AND a.reference = s.reference
    WHERE s.as_of < a.as_of""",
    """INSERT INTO import_rejects
    SELECT s.line, 'as_of', 'a payment was received after the day of these balances', NULL
    FROM import_rows s JOIN accounts a ON a.creditor_id = %(creditor)s AND a.reference = s.reference
    WHERE s.as_of >= a.as_of AND EXISTS (SELECT FROM payments p WHERE p.account_id = a.account_id
        AND p.at >= (s.as_of + 1)::timestamp AT TIME ZONE %(zone)s)""",
)

OTHER_PERSON: tuple[LiteralString, ...] = (
    """INSERT INTO import_rejects
    SELECT s.line, 'name', 'another name or kind than the same debtor has before', f.line
    FROM import_rows s JOIN import_people f ON f.debtor_id = s.debtor_id
    WHERE (s.kind, s.name_token) IS DISTINCT FROM (f.kind, f.name_token)""",
    """INSERT INTO import_rejects
    SELECT s.line, 'name', 'another name or kind than the same debtor has before', f.line
    FROM (SELECT debtor_id, min(line) AS line FROM import_rows i
          WHERE NOT EXISTS (SELECT FROM import_people p WHERE p.debtor_id = i.debtor_id)
          GROUP BY debtor_id HAVING count(*) > 1) f
    JOIN import_rows first ON first.line = f.line
    JOIN import_rows s ON s.debtor_id = f.debtor_id AND s.line > f.line
    WHERE (s.kind, s.name_token) IS DISTINCT FROM (first.kind, first.name_token)""",
)
"""Two people under one reference: one would be told of the other's debt."""

TAKE_OUT: tuple[LiteralString, ...] = (
    """INSERT INTO import_seen SELECT reference FROM import_rows
    WHERE line IN (SELECT line FROM import_rejects WHERE field <> 'reference')""",
    "DELETE FROM import_rows WHERE line IN (SELECT line FROM import_rejects)",
    "DELETE FROM import_points WHERE line IN (SELECT line FROM import_rejects)",
    "DELETE FROM import_stops WHERE line IN (SELECT line FROM import_rejects)",
)

FIRST_LINES: tuple[LiteralString, ...] = (
    """CREATE TEMPORARY TABLE import_first ON COMMIT DROP AS
    SELECT debtor_id, line, is_new, is_new AND n = 1 AS is_plain, is_here
    FROM (SELECT debtor_id, min(line) AS line, count(*) AS n, bool_and(is_new AND p.debtor_id IS NULL) AS is_new,
              bool_or(p.debtor_id IS NOT NULL) AS is_here
          FROM import_rows LEFT JOIN (SELECT debtor_id FROM import_people) p USING (debtor_id)
          GROUP BY debtor_id) debtors""",
    "ANALYZE import_first",
)
"""`is_here`: he came in by the first path, from an earlier part of the same file."""

_ACCOUNT: LiteralString = """ROW(a.product, a.principal, a.interest, a.penalty, a.fees, a.penalty_daily, a.as_of,
    a.due_on, a.days_past_due, a.group_reference, a.tags, a.state, a.portfolio_id)"""
_STATE: LiteralString = """CASE WHEN a.state = 'closed' THEN 'closed'
    WHEN s.principal + s.interest + s.penalty + s.fees = 0 THEN 'paid'
    WHEN a.state = 'vanished' OR s.as_of > a.as_of THEN 'open' ELSE a.state END"""
"""What a person closed stays closed; what is owed again is open again."""
_STAGED: LiteralString = f"""ROW(s.product, s.principal, s.interest, s.penalty, s.fees,
    s.penalty_daily::numeric(12, 10), s.as_of, s.due_on, s.days_past_due, s.group_reference,
    string_to_array(s.tags, %(sep)s), {_STATE},
    %(portfolio)s::uuid)"""

COUNTS: LiteralString = f"""
SELECT count(*) FILTER (WHERE a.account_id IS NULL),
       count(*) FILTER (WHERE a.account_id IS NOT NULL AND {_ACCOUNT} IS DISTINCT FROM {_STAGED}),
       count(*) FILTER (WHERE a.account_id IS NOT NULL AND {_ACCOUNT} IS NOT DISTINCT FROM {_STAGED})
FROM import_rows s LEFT JOIN accounts a ON a.creditor_id = %(creditor)s AND a.reference = s.reference"""  # noqa: S608 -- constants

DEBTOR_COUNTS: LiteralString = """
SELECT count(*) FILTER (WHERE NOT is_here), count(*) FILTER (WHERE is_new) FROM import_first"""

POINT_COUNTS: LiteralString = """
SELECT kind, count(*) FROM (SELECT DISTINCT ON (debtor_id, blind) p.kind FROM import_points p
    JOIN import_first f USING (debtor_id)
    WHERE NOT (f.is_here AND EXISTS (SELECT FROM contact_points c
                                     WHERE c.debtor_id = p.debtor_id AND c.blind = p.blind))
) points GROUP BY kind ORDER BY kind"""

COUNTRY_COUNTS: LiteralString = """
SELECT coalesce(country, ''), count(*) FROM import_rows JOIN import_first USING (line) WHERE NOT is_here
GROUP BY 1 ORDER BY 2 DESC, 1"""

CHANGED_COUNT: LiteralString = """
SELECT count(*) FROM (SELECT debtor_id FROM import_changed
    EXCEPT SELECT debtor_id FROM import_first WHERE is_new OR is_here) changed"""

_GONE: LiteralString = """FROM accounts a
WHERE a.creditor_id = %(creditor)s AND a.portfolio_id = %(portfolio)s AND a.state = 'open'
  AND NOT EXISTS (SELECT FROM import_rows s WHERE s.reference = a.reference)
  AND NOT EXISTS (SELECT FROM import_seen s WHERE s.reference = a.reference)
  AND NOT EXISTS (SELECT FROM import_fresh s WHERE s.account_id = a.account_id)"""

VANISHED: LiteralString = f"SELECT a.reference {_GONE} ORDER BY a.reference"
VANISHED_COUNT: LiteralString = f"SELECT count(*) {_GONE}"
CLOSE_VANISHED: LiteralString = f"""
WITH gone AS (SELECT a.account_id {_GONE}),
    closed AS (UPDATE accounts a SET state = 'vanished', updated_at = %(at)s FROM gone
               WHERE a.account_id = gone.account_id RETURNING a.debtor_id)
INSERT INTO import_changed SELECT DISTINCT debtor_id FROM closed"""  # noqa: S608 -- constants

LOCK: LiteralString = """
SELECT count(*) FROM (SELECT 1 FROM lanes WHERE debtor_id IN (SELECT debtor_id FROM import_first WHERE NOT is_new)
                      ORDER BY debtor_id FOR UPDATE) locked"""
LOCK_WITH_VANISHED: LiteralString = f"""
SELECT count(*) FROM (SELECT 1 FROM lanes WHERE debtor_id IN (
    SELECT debtor_id FROM import_first WHERE NOT is_new UNION SELECT a.debtor_id {_GONE})
    ORDER BY debtor_id FOR UPDATE) locked"""  # noqa: S608 -- constants

PORTFOLIO: tuple[LiteralString, ...] = (
    "UPDATE portfolios SET digest = %(digest)s, imported_at = %(at)s WHERE portfolio_id = %(portfolio)s",
    """INSERT INTO portfolios (portfolio_id, creditor_id, name, digest, imported_at)
    SELECT %(portfolio)s, %(creditor)s, %(name)s, %(digest)s, %(at)s
    WHERE NOT EXISTS (SELECT FROM portfolios WHERE portfolio_id = %(portfolio)s)""",
)

SUMMARY: LiteralString = "UPDATE portfolios SET summary = %(summary)s::jsonb WHERE portfolio_id = %(portfolio)s"

_NEW_DEBTORS: tuple[LiteralString, ...] = (
    """INSERT INTO debtors (debtor_id, creditor_id, reference, kind, language, name_cipher, facts, flags, verify_salt,
        verify_digests, created_at)
    SELECT s.debtor_id, %(creditor)s, s.debtor, s.kind, s.language, s.name_cipher, s.facts::jsonb,
        string_to_array(s.flags, %(sep)s), s.verify_salt, string_to_array(s.verify_digests, %(sep)s), %(at)s
    FROM import_rows s JOIN import_first f USING (line) WHERE f.is_new""",
    """INSERT INTO debtor_keys (debtor_id, creditor_id, ring_key, wrapped)
    SELECT s.debtor_id, %(creditor)s, s.ring_key, s.wrapped
    FROM import_rows s JOIN import_first f USING (line) WHERE f.is_new""",
    "INSERT INTO lanes (debtor_id, creditor_id) SELECT debtor_id, %(creditor)s FROM import_first WHERE is_new",
    "INSERT INTO import_changed SELECT debtor_id FROM import_first WHERE is_new",
)

_CHANGED_DEBTORS: LiteralString = """
WITH staged AS MATERIALIZED (
    SELECT s.debtor_id, s.line, s.kind, s.language, s.name_cipher, s.flags, s.facts::jsonb AS facts, s.verify_digests
    FROM import_rows s JOIN import_first f USING (debtor_id) WHERE NOT f.is_plain
    UNION ALL
    SELECT d.debtor_id, 0, d.kind, d.language, NULL, array_to_string(d.flags, %(sep)s), d.facts,
        array_to_string(d.verify_digests, %(sep)s)
    FROM debtors d JOIN import_first f USING (debtor_id) WHERE f.is_here
), places AS (
    SELECT debtor_id, jsonb_agg(place ORDER BY (place ->> 'country') COLLATE "C",
        coalesce(place ->> 'region', '') COLLATE "C", coalesce(place ->> 'postcode', '') COLLATE "C",
        coalesce(place ->> 'timezone', '') COLLATE "C", place ->> 'verified') AS found
    FROM (SELECT DISTINCT debtor_id, place FROM staged, jsonb_array_elements(facts -> 'places') AS place) each
    GROUP BY debtor_id
), notices AS (
    SELECT debtor_id, array_agg(notice ->> 'kind') AS kinds, jsonb_agg(notice
        ORDER BY (notice ->> 'kind') COLLATE "C", (notice ->> 'at') COLLATE "C") AS found
    FROM (SELECT DISTINCT debtor_id, notice FROM staged, jsonb_array_elements(facts -> 'notices') AS notice) each
    GROUP BY debtor_id
), words AS (
    SELECT debtor_id,
        array_agg(DISTINCT flag COLLATE "C" ORDER BY flag COLLATE "C") FILTER (WHERE flag IS NOT NULL) AS flags,
        array_agg(DISTINCT proof COLLATE "C" ORDER BY proof COLLATE "C") FILTER (WHERE proof IS NOT NULL) AS proofs
    FROM staged LEFT JOIN LATERAL unnest(string_to_array(flags, %(sep)s), string_to_array(verify_digests, %(sep)s))
        AS word(flag, proof) ON true GROUP BY debtor_id
), wanted AS (
    SELECT d.debtor_id, first.kind, first.language, first.name_cipher,
        CASE WHEN %(flags)s THEN coalesce(words.flags, '{}') ELSE d.flags END AS flags,
        CASE WHEN %(proofs)s THEN coalesce(words.proofs, '{}') ELSE d.verify_digests END AS proofs,
        d.facts - 'places' - 'notices'
        || CASE WHEN NOT %(place)s AND d.facts ? 'places' THEN jsonb_build_object('places', d.facts -> 'places')
                WHEN %(place)s AND (places.found IS NOT NULL OR kept.places IS NOT NULL)
                THEN jsonb_build_object('places', coalesce(places.found, '[]') || coalesce(kept.places, '[]'))
                ELSE '{}' END
        || CASE WHEN notices.found IS NOT NULL OR kept.notices IS NOT NULL
                THEN jsonb_build_object('notices', coalesce(notices.found, '[]') || coalesce(kept.notices, '[]'))
                ELSE '{}' END AS facts
    FROM import_first f JOIN debtors d ON d.debtor_id = f.debtor_id JOIN staged first ON first.line = f.line
    LEFT JOIN words ON words.debtor_id = f.debtor_id LEFT JOIN places ON places.debtor_id = f.debtor_id
    LEFT JOIN notices ON notices.debtor_id = f.debtor_id,
    LATERAL (SELECT
        (SELECT jsonb_agg(p) FROM jsonb_array_elements(d.facts -> 'places') p
         WHERE p ->> 'basis' <> 'address') AS places,
        (SELECT jsonb_agg(n) FROM jsonb_array_elements(d.facts -> 'notices') n
         WHERE n ->> 'kind' <> ALL(coalesce(notices.kinds, '{}'))) AS notices) kept
    WHERE NOT f.is_plain
), written AS (
    UPDATE debtors d SET kind = w.kind, language = w.language, name_cipher = coalesce(w.name_cipher, d.name_cipher),
        flags = w.flags, verify_digests = w.proofs, facts = w.facts
    FROM wanted w WHERE d.debtor_id = w.debtor_id AND (w.name_cipher IS NOT NULL
        OR (d.kind, d.language, d.flags, d.verify_digests, d.facts) IS DISTINCT FROM
           (w.kind, w.language, w.flags, w.proofs, w.facts))
    RETURNING d.debtor_id
)
INSERT INTO import_changed SELECT debtor_id FROM written"""

_NEW_POINTS: LiteralString = """
INSERT INTO contact_points (point_id, creditor_id, debtor_id, kind, value_cipher, blind, country, timezones, source,
    collected_at, verified, priority)
SELECT p.point_id, %(creditor)s, p.debtor_id, p.kind, p.value_cipher, p.blind, p.country,
    string_to_array(p.timezones, %(sep)s), %(source)s, %(at)s, p.verified, p.priority
FROM import_points p JOIN import_first f USING (debtor_id) WHERE f.is_plain"""

_CHANGED_POINTS: LiteralString = """
WITH staged AS (
    SELECT DISTINCT ON (p.debtor_id, p.blind) p.*
    FROM import_points p JOIN import_first f USING (debtor_id) WHERE NOT f.is_plain
    ORDER BY p.debtor_id, p.blind, p.priority DESC, p.line
), written AS (
    INSERT INTO contact_points AS c (point_id, creditor_id, debtor_id, kind, value_cipher, blind, country, timezones,
        source, collected_at, verified, priority)
    SELECT point_id, %(creditor)s, debtor_id, kind, value_cipher, blind, country, string_to_array(timezones, %(sep)s),
        %(source)s, %(at)s, verified, priority
    FROM staged
    ON CONFLICT (creditor_id, debtor_id, blind) DO UPDATE SET kind = excluded.kind, country = excluded.country,
        timezones = excluded.timezones, priority = excluded.priority, verified = c.verified OR excluded.verified,
        is_dead = c.is_dead AND c.source <> %(withdrawn)s,
        source = CASE WHEN c.source = %(withdrawn)s THEN %(source)s ELSE c.source END
    WHERE (c.kind, c.country, c.timezones, c.priority, c.verified, c.source = %(withdrawn)s) IS DISTINCT FROM
        (excluded.kind, excluded.country, excluded.timezones, excluded.priority, c.verified OR excluded.verified, false)
    RETURNING c.debtor_id
)
INSERT INTO import_changed SELECT DISTINCT debtor_id FROM written"""

_WITHDRAWN_POINTS: LiteralString = """
WITH written AS (
    UPDATE contact_points c SET is_dead = true, source = %(withdrawn)s
    FROM import_first f
    WHERE c.debtor_id = f.debtor_id AND NOT f.is_new AND NOT f.is_here AND c.source = %(source)s AND NOT c.is_dead
      AND %(points)s
      AND NOT EXISTS (SELECT FROM import_points p WHERE p.debtor_id = c.debtor_id AND p.blind = c.blind)
    RETURNING c.debtor_id
)
INSERT INTO import_changed SELECT DISTINCT debtor_id FROM written"""
"""A number that the creditor's file no longer gives is not used any more, until the file gives it again."""

_CHANGED_ACCOUNTS: LiteralString = f"""
WITH written AS (
    UPDATE accounts a SET product = s.product, principal = s.principal, interest = s.interest, penalty = s.penalty,
        fees = s.fees, penalty_daily = s.penalty_daily::numeric, as_of = s.as_of, due_on = s.due_on,
        days_past_due = s.days_past_due, group_reference = s.group_reference,
        tags = string_to_array(s.tags, %(sep)s), state = {_STATE}, portfolio_id = %(portfolio)s, updated_at = %(at)s
    FROM import_rows s WHERE a.creditor_id = %(creditor)s AND a.reference = s.reference
        AND {_ACCOUNT} IS DISTINCT FROM {_STAGED}
    RETURNING a.debtor_id
)
INSERT INTO import_changed SELECT DISTINCT debtor_id FROM written"""  # noqa: S608 -- constants

_NEW_ACCOUNTS: tuple[LiteralString, ...] = (
    """INSERT INTO import_changed SELECT DISTINCT s.debtor_id FROM import_rows s JOIN import_first f USING (debtor_id)
    WHERE NOT f.is_new AND NOT EXISTS (
        SELECT FROM accounts a WHERE a.creditor_id = %(creditor)s AND a.reference = s.reference)""",
    """INSERT INTO accounts (account_id, creditor_id, debtor_id, portfolio_id, reference, product, currency, principal,
        interest, penalty, fees, penalty_daily, as_of, due_on, days_past_due, group_reference, tags, state, updated_at)
    SELECT s.account_id, %(creditor)s, s.debtor_id, %(portfolio)s, s.reference, s.product, s.currency, s.principal,
        s.interest, s.penalty, s.fees, s.penalty_daily::numeric, s.as_of, s.due_on, s.days_past_due,
        s.group_reference, string_to_array(s.tags, %(sep)s),
        CASE WHEN s.principal + s.interest + s.penalty + s.fees = 0 THEN 'paid' ELSE 'open' END, %(at)s
    FROM import_rows s WHERE NOT EXISTS (
        SELECT FROM accounts a WHERE a.creditor_id = %(creditor)s AND a.reference = s.reference)""",
)

_STOPS: LiteralString = """
WITH written AS (
    INSERT INTO suppressions (suppression_id, creditor_id, debtor_id, kind, source, at)
    SELECT gen_random_uuid(), %(creditor)s, i.debtor_id, i.kind, %(source)s, least(min(i.since), %(at)s)
    FROM import_stops i
    WHERE NOT EXISTS (SELECT FROM suppressions x
                      WHERE x.debtor_id = i.debtor_id AND x.kind = i.kind AND x.source = %(source)s)
    GROUP BY i.debtor_id, i.kind
    RETURNING debtor_id, kind
), noted AS (INSERT INTO import_stopped SELECT debtor_id, kind FROM written)
INSERT INTO import_changed SELECT DISTINCT debtor_id FROM written"""
"""Said once: what a person has lifted since is not put back by the next file that still says so."""

MERGE: tuple[LiteralString, ...] = (
    *_NEW_DEBTORS,
    _CHANGED_DEBTORS,
    _NEW_POINTS,
    _CHANGED_POINTS,
    _WITHDRAWN_POINTS,
    _CHANGED_ACCOUNTS,
    *_NEW_ACCOUNTS,
    _STOPS,
)

CHANGED: LiteralString = "SELECT DISTINCT debtor_id FROM import_changed ORDER BY debtor_id"

CHANGED_DEBTORS: LiteralString = """
SELECT debtor_id, ledger_seq, ledger_hash, facts::text FROM debtors JOIN lanes USING (debtor_id)
WHERE debtor_id = ANY(%s) ORDER BY debtor_id"""

LIVING_POINTS: LiteralString = """
SELECT debtor_id, point_id::text, kind, timezones, country, reassigned_check_at, used_by_debtor
FROM contact_points WHERE debtor_id = ANY(%s) AND NOT is_dead ORDER BY priority DESC, point_id"""

ALL_ACCOUNTS: LiteralString = """
SELECT debtor_id, account_id::text, product, days_past_due, due_on, group_reference, currency,
    principal + interest + penalty + fees, as_of, state
FROM accounts WHERE debtor_id = ANY(%s) ORDER BY account_id"""

NEW_STOPS: LiteralString = "SELECT debtor_id, kind FROM import_stopped WHERE debtor_id = ANY(%s) ORDER BY kind"

HEADS: LiteralString = """
UPDATE lanes l SET ledger_seq = n.seq, ledger_hash = n.hash
FROM unnest(%(d)s::uuid[], %(s)s::bigint[], %(h)s::bytea[]) AS n(id, seq, hash) WHERE l.debtor_id = n.id"""

WAKE: LiteralString = """
UPDATE lanes SET due_at = least(coalesce(due_at, %(at)s), %(at)s)
WHERE debtor_id IN (SELECT debtor_id FROM import_changed
    EXCEPT SELECT debtor_id FROM import_first WHERE is_new OR is_here)"""
