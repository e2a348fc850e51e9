CREATE TABLE alphapulse.skipped (
    account text NOT NULL DEFAULT '',
    dataset text NOT NULL DEFAULT '',
    part text NOT NULL DEFAULT '',
    wallet text NOT NULL DEFAULT '',
    state text NOT NULL,
    reason text NOT NULL,
    fingerprint text NOT NULL,
    checked_at timestamptz NOT NULL,
    PRIMARY KEY (account, dataset, part)
);
