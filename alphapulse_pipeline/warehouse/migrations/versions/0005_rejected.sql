CREATE TABLE alphapulse.rejected (
    account text NOT NULL DEFAULT '',
    dataset text NOT NULL DEFAULT '',
    stream text NOT NULL DEFAULT '',
    row_id text NOT NULL DEFAULT '',
    happened_at timestamptz,
    reason text NOT NULL,
    raw text NOT NULL,
    gap tstzmultirange NOT NULL DEFAULT '{}',
    attempt integer NOT NULL,
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    PRIMARY KEY (account, dataset, stream, row_id)
);
