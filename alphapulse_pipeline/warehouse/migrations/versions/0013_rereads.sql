CREATE TABLE alphapulse.rereads (
    id integer GENERATED ALWAYS AS IDENTITY,
    account text NOT NULL,
    dataset text NOT NULL,
    wallet text NOT NULL,
    asset text NOT NULL,
    market text NOT NULL,
    closed_at timestamptz NOT NULL,
    opened_at timestamptz NOT NULL,
    residual numeric NOT NULL,
    step integer NOT NULL,
    listed_in text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    reason text NOT NULL,
    requested_at timestamptz NOT NULL,
    failures integer NOT NULL DEFAULT 0,
    asked_at timestamptz,
    outcome text,
    found text,
    healed boolean,
    PRIMARY KEY (id)
);
CREATE INDEX rereads_of_windows ON alphapulse.rereads (account, closed_at);
CREATE INDEX rereads_due ON alphapulse.rereads (account, dataset) WHERE asked_at IS NULL;
