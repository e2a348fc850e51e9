CREATE TABLE alphapulse.accounts (
    account text NOT NULL DEFAULT '',
    parent text,
    sub_account text,
    unlisted text,
    PRIMARY KEY (account)
);

CREATE TABLE alphapulse.sub_accounts (
    account text NOT NULL DEFAULT '',
    sub_account text NOT NULL DEFAULT '',
    name text NOT NULL,
    frozen boolean NOT NULL,
    listed_at timestamptz NOT NULL,
    PRIMARY KEY (account, sub_account)
);
