-- The tables, as storage/tables/ describes them (a test holds the two together). Row-level security and grants are
-- put on them by storage/policies.py, triggers by 0001_triggers.sql.

CREATE TABLE creditors (
    creditor_id uuid NOT NULL,
    code text NOT NULL,
    profile jsonb NOT NULL DEFAULT '{}'::jsonb,
    stopped_at timestamptz,
    CONSTRAINT pk_creditors PRIMARY KEY (creditor_id),
    CONSTRAINT uq_creditors_code UNIQUE (code)
);

CREATE TABLE debtors (
    debtor_id uuid NOT NULL,
    creditor_id uuid NOT NULL,
    reference text NOT NULL,
    kind text NOT NULL,
    language text NOT NULL,
    name_cipher bytea NOT NULL,
    facts jsonb NOT NULL DEFAULT '{}'::jsonb,
    flags text[] NOT NULL DEFAULT '{}',
    verify_salt text NOT NULL DEFAULT '',
    verify_digests text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_debtors PRIMARY KEY (debtor_id),
    CONSTRAINT uq_debtors_creditor_id_reference UNIQUE (creditor_id, reference),
    CONSTRAINT ck_debtors_kind CHECK (kind IN ('person', 'company')),
    CONSTRAINT fk_debtors_creditor_id FOREIGN KEY (creditor_id) REFERENCES creditors (creditor_id)
);

CREATE TABLE debtor_keys (
    debtor_id uuid NOT NULL,
    creditor_id uuid NOT NULL,
    ring_key text NOT NULL,
    wrapped bytea NOT NULL,
    CONSTRAINT pk_debtor_keys PRIMARY KEY (debtor_id)
);

CREATE TABLE contact_points (
    point_id uuid NOT NULL,
    creditor_id uuid NOT NULL,
    debtor_id uuid NOT NULL,
    kind text NOT NULL,
    value_cipher bytea NOT NULL,
    blind bytea NOT NULL,
    country text,
    timezones text[] NOT NULL DEFAULT '{}',
    source text NOT NULL,
    collected_at timestamptz NOT NULL,
    verified boolean NOT NULL DEFAULT false,
    used_by_debtor boolean,
    reassigned_check_at timestamptz,
    priority smallint NOT NULL DEFAULT 0,
    is_dead boolean NOT NULL DEFAULT false,
    channels_off text[] NOT NULL DEFAULT '{}',
    CONSTRAINT pk_contact_points PRIMARY KEY (point_id),
    CONSTRAINT uq_contact_points_creditor_id_debtor_id_blind UNIQUE (creditor_id, debtor_id, blind),
    CONSTRAINT ck_contact_points_kind CHECK (kind IN (
        'mobile', 'landline', 'work', 'email', 'work_email', 'address', 'social', 'im'
    )),
    CONSTRAINT fk_contact_points_debtor_id FOREIGN KEY (debtor_id) REFERENCES debtors (debtor_id)
);
CREATE INDEX ix_contact_points_creditor_id_blind ON contact_points (creditor_id, blind);
CREATE INDEX ix_contact_points_debtor_id ON contact_points (debtor_id);

CREATE TABLE portfolios (
    portfolio_id uuid NOT NULL,
    creditor_id uuid NOT NULL,
    name text NOT NULL,
    digest bytea NOT NULL,
    imported_at timestamptz NOT NULL,
    summary jsonb NOT NULL DEFAULT '{}'::jsonb,
    CONSTRAINT pk_portfolios PRIMARY KEY (portfolio_id)
);
CREATE INDEX ix_portfolios_creditor_id_name ON portfolios (creditor_id, name);

CREATE TABLE accounts (
    account_id uuid NOT NULL,
    creditor_id uuid NOT NULL,
    debtor_id uuid NOT NULL,
    portfolio_id uuid,
    reference text NOT NULL,
    product text NOT NULL,
    currency text NOT NULL,
    principal bigint NOT NULL,
    interest bigint NOT NULL,
    penalty bigint NOT NULL,
    fees bigint NOT NULL,
    penalty_daily numeric(12, 10) NOT NULL,
    as_of date NOT NULL,
    due_on date,
    days_past_due bigint NOT NULL,
    group_reference text,
    tags text[] NOT NULL DEFAULT '{}',
    state text NOT NULL DEFAULT 'open',
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_accounts PRIMARY KEY (account_id),
    CONSTRAINT uq_accounts_creditor_id_reference UNIQUE (creditor_id, reference),
    CONSTRAINT ck_accounts_state CHECK (state IN ('open', 'paid', 'vanished', 'closed')),
    CONSTRAINT ck_accounts_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_accounts_penalty_daily CHECK (penalty_daily >= 0),
    CONSTRAINT fk_accounts_debtor_id FOREIGN KEY (debtor_id) REFERENCES debtors (debtor_id)
);
CREATE INDEX ix_accounts_debtor_id ON accounts (debtor_id);

CREATE TABLE campaigns (
    campaign_id uuid NOT NULL,
    creditor_id uuid NOT NULL,
    name text NOT NULL,
    version bigint NOT NULL,
    digest bytea NOT NULL,
    source text NOT NULL,
    state text NOT NULL,
    launched_at timestamptz,
    enrolled_until timestamptz,
    CONSTRAINT pk_campaigns PRIMARY KEY (campaign_id),
    CONSTRAINT uq_campaigns_creditor_id_name_version UNIQUE (creditor_id, name, version),
    CONSTRAINT ck_campaigns_state CHECK (state IN ('draft', 'running', 'paused', 'stopped'))
);

CREATE TABLE enrolments (
    enrolment_id uuid NOT NULL,
    creditor_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    debtor_id uuid NOT NULL,
    account_id uuid NOT NULL,
    state text NOT NULL DEFAULT 'active',
    reason text,
    stage text NOT NULL,
    step text,
    rank smallint NOT NULL DEFAULT 0,
    attempt_id uuid,
    last_contact_at timestamptz,
    entered_at timestamptz NOT NULL,
    CONSTRAINT pk_enrolments PRIMARY KEY (enrolment_id),
    CONSTRAINT uq_enrolments_campaign_id_account_id UNIQUE (campaign_id, account_id),
    CONSTRAINT ck_enrolments_state CHECK (state IN ('active', 'exited', 'finished')),
    CONSTRAINT fk_enrolments_campaign_id FOREIGN KEY (campaign_id) REFERENCES campaigns (campaign_id)
) WITH (fillfactor = 80);
CREATE INDEX ix_enrolments_debtor_id ON enrolments (debtor_id);

CREATE TABLE lanes (
    debtor_id uuid NOT NULL,
    creditor_id uuid NOT NULL,
    due_at timestamptz,
    waiting jsonb,
    ledger_seq bigint NOT NULL DEFAULT 0,
    ledger_hash bytea NOT NULL DEFAULT '\x',
    CONSTRAINT pk_lanes PRIMARY KEY (debtor_id)
) WITH (fillfactor = 70);
CREATE INDEX ix_lanes_due ON lanes (creditor_id, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE attempts (
    attempt_id uuid NOT NULL,
    creditor_id uuid NOT NULL,
    debtor_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    enrolment_id uuid NOT NULL,
    enrolments uuid[] NOT NULL,
    accounts uuid[] NOT NULL,
    point_id uuid NOT NULL,
    channel text NOT NULL,
    stage text NOT NULL,
    step text NOT NULL,
    rank smallint NOT NULL,
    template text NOT NULL,
    language text NOT NULL,
    state text NOT NULL,
    reserved_at timestamptz NOT NULL,
    closes_at timestamptz NOT NULL,
    not_before timestamptz,
    queued_at timestamptz,
    sending_at timestamptz,
    accepted_at timestamptz,
    settled_at timestamptz,
    lease_until timestamptz,
    tries smallint NOT NULL DEFAULT 0,
    provider text,
    provider_ref text,
    outcome text,
    failure text,
    code text,
    segments smallint,
    cost bigint,
    content_digest bytea,
    content_cipher bytea,
    purpose text NOT NULL DEFAULT 'collect',
    packs text[] NOT NULL DEFAULT '{}',
    tried text[] NOT NULL DEFAULT '{}',
    next_look timestamptz,
    CONSTRAINT pk_attempts PRIMARY KEY (attempt_id),
    CONSTRAINT ck_attempts_channel CHECK (channel IN ('sms', 'voice', 'email', 'letter')),
    CONSTRAINT ck_attempts_state CHECK (state IN (
        'reserved', 'sending', 'in_doubt', 'accepted', 'delivered', 'undelivered', 'rejected', 'cancelled',
        'expired', 'closed'
    ))
) WITH (fillfactor = 80);
CREATE INDEX ix_attempts_debtor_id_reserved_at ON attempts (debtor_id, reserved_at);
CREATE INDEX ix_attempts_provider_ref ON attempts (provider_ref) WHERE provider_ref IS NOT NULL;
CREATE INDEX ix_attempts_reserved ON attempts (creditor_id, channel, queued_at) WHERE state = 'reserved';
CREATE INDEX ix_attempts_unsettled ON attempts (creditor_id, sending_at) WHERE state IN ('sending', 'in_doubt');
CREATE UNIQUE INDEX uq_attempts_step ON attempts (enrolment_id, step, rank)
    WHERE state NOT IN ('cancelled', 'expired', 'rejected');

CREATE TABLE paces (
    campaign_id uuid NOT NULL,
    lane text NOT NULL,
    creditor_id uuid NOT NULL,
    next_at timestamptz NOT NULL,
    CONSTRAINT pk_paces PRIMARY KEY (campaign_id, lane)
);

CREATE TABLE delivery_events (
    event_id uuid NOT NULL,
    creditor_id uuid NOT NULL,
    provider text NOT NULL,
    key text NOT NULL,
    attempt_id uuid,
    provider_ref text,
    received_at timestamptz NOT NULL,
    at timestamptz NOT NULL,
    state text,
    outcome text,
    failure text,
    code text,
    cost bigint,
    raw_cipher bytea,
    applied_at timestamptz,
    CONSTRAINT pk_delivery_events PRIMARY KEY (event_id),
    CONSTRAINT uq_delivery_events_creditor_id_provider_key UNIQUE (creditor_id, provider, key)
);
CREATE INDEX ix_delivery_events_open ON delivery_events (creditor_id, received_at) WHERE applied_at IS NULL;

CREATE TABLE inbound (
    inbound_id uuid NOT NULL,
    creditor_id uuid NOT NULL,
    provider text NOT NULL,
    key text NOT NULL,
    debtor_id uuid,
    attempt_id uuid,
    point_id uuid,
    channel text NOT NULL,
    at timestamptz NOT NULL,
    intent text,
    text_cipher bytea,
    applied_at timestamptz,
    handled_at timestamptz,
    CONSTRAINT pk_inbound PRIMARY KEY (inbound_id),
    CONSTRAINT uq_inbound_creditor_id_provider_key UNIQUE (creditor_id, provider, key)
);
CREATE INDEX ix_inbound_open ON inbound (creditor_id, at) WHERE applied_at IS NULL;
CREATE INDEX ix_inbound_debtor_id ON inbound (debtor_id);

CREATE TABLE suppressions (
    suppression_id uuid NOT NULL,
    creditor_id uuid NOT NULL,
    debtor_id uuid NOT NULL,
    kind text NOT NULL,
    channel text,
    point_id uuid,
    accounts uuid[] NOT NULL DEFAULT '{}',
    form text NOT NULL DEFAULT 'written',
    source text NOT NULL,
    at timestamptz NOT NULL,
    until timestamptz,
    answered_at timestamptz,
    lifted_at timestamptz,
    CONSTRAINT pk_suppressions PRIMARY KEY (suppression_id),
    CONSTRAINT ck_suppressions_kind CHECK (kind IN (
        'opt_out', 'cease', 'dispute', 'attorney', 'bankruptcy', 'deceased', 'minor', 'vulnerable', 'complaint',
        'hospitalised', 'bereavement', 'employer_prohibits', 'work_stop'
    ))
);
CREATE INDEX ix_suppressions_debtor_id ON suppressions (debtor_id);

CREATE TABLE outside_contacts (
    outside_contact_id uuid NOT NULL,
    creditor_id uuid NOT NULL,
    debtor_id uuid NOT NULL,
    key text NOT NULL,
    at timestamptz NOT NULL,
    fact jsonb NOT NULL,
    CONSTRAINT pk_outside_contacts PRIMARY KEY (outside_contact_id),
    CONSTRAINT uq_outside_contacts_creditor_id_key UNIQUE (creditor_id, key)
);
CREATE INDEX ix_outside_contacts_debtor_id_at ON outside_contacts (debtor_id, at);

CREATE TABLE payments (
    payment_id uuid NOT NULL,
    creditor_id uuid NOT NULL,
    account_id uuid NOT NULL,
    debtor_id uuid NOT NULL,
    key text NOT NULL,
    minor bigint NOT NULL,
    currency text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT pk_payments PRIMARY KEY (payment_id),
    CONSTRAINT uq_payments_creditor_id_key UNIQUE (creditor_id, key)
);
CREATE INDEX ix_payments_debtor_id ON payments (debtor_id);

CREATE TABLE promises (
    promise_id uuid NOT NULL,
    creditor_id uuid NOT NULL,
    debtor_id uuid NOT NULL,
    account_id uuid,
    minor bigint,
    currency text,
    due_on date NOT NULL,
    at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'open',
    CONSTRAINT pk_promises PRIMARY KEY (promise_id),
    CONSTRAINT ck_promises_state CHECK (state IN ('open', 'kept', 'broken', 'withdrawn'))
);
CREATE INDEX ix_promises_debtor_id ON promises (debtor_id);

CREATE TABLE ledger (
    debtor_id uuid NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    creditor_id uuid NOT NULL,
    kind text NOT NULL,
    body json NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT pk_ledger PRIMARY KEY (debtor_id, seq, at)
) PARTITION BY RANGE (at);

CREATE TABLE rollup_deltas (
    delta_id bigint GENERATED BY DEFAULT AS IDENTITY,
    creditor_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    measure text NOT NULL,
    key text NOT NULL,
    n bigint NOT NULL,
    CONSTRAINT pk_rollup_deltas PRIMARY KEY (delta_id)
);

CREATE TABLE rollups (
    creditor_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    measure text NOT NULL,
    key text NOT NULL,
    n bigint NOT NULL,
    CONSTRAINT pk_rollups PRIMARY KEY (creditor_id, campaign_id, hour, measure, key)
);

CREATE TABLE dead_letters (
    dead_letter_id uuid NOT NULL,
    creditor_id uuid NOT NULL,
    attempt_id uuid,
    source text NOT NULL,
    reason text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'::jsonb,
    at timestamptz NOT NULL,
    closed_at timestamptz,
    resolution text,
    CONSTRAINT pk_dead_letters PRIMARY KEY (dead_letter_id)
);
CREATE INDEX ix_dead_letters_open ON dead_letters (creditor_id, at) WHERE closed_at IS NULL;
