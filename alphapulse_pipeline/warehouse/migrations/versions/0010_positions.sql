CREATE TABLE portfolio.position_reconciliation (
    account text NOT NULL,
    market text NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz NOT NULL,
    opening numeric NOT NULL,
    fills numeric NOT NULL,
    closing numeric NOT NULL,
    difference numeric NOT NULL GENERATED ALWAYS AS (closing - opening - fills) STORED,
    carried numeric,
    residual numeric NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (account, closed_at, market),
    CONSTRAINT position_reconciliation_state
    CHECK (state IN ('reconciled', 'pending', 'unverifiable', 'break'))
);
CREATE INDEX position_reconciliation_differences ON portfolio.position_reconciliation
(account, market, closed_at) WHERE difference <> 0;
CREATE INDEX position_reconciliation_unreconciled ON portfolio.position_reconciliation
(account, closed_at) WHERE state <> 'reconciled';

CREATE TABLE portfolio.reconciled_positions (
    account text PRIMARY KEY,
    closed_at timestamptz NOT NULL
);
