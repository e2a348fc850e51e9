CREATE TABLE portfolio.value_daily (
    account text NOT NULL,
    day date NOT NULL,
    value numeric NOT NULL,
    flows numeric NOT NULL,
    added numeric NOT NULL,
    profit numeric NOT NULL,
    growth numeric,
    unpriced text[] NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (account, day)
);

CREATE INDEX reconciliation_transfers ON portfolio.reconciliation (account, closed_at)
WHERE transfers <> 0;
