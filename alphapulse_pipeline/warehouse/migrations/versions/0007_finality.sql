-- The views realized_pnl, lots and cost_basis add the state to these.
ALTER TABLE portfolio.realized_pnl RENAME TO matched_lines;
ALTER TABLE portfolio.lots RENAME TO matched_lots;
ALTER TABLE portfolio.cost_basis RENAME TO matched_sums;

CREATE TABLE portfolio.finality (
    account text NOT NULL,
    asset text NOT NULL,
    provisional_from timestamptz NOT NULL,
    partial_from timestamptz NOT NULL,
    final_until timestamptz NOT NULL GENERATED ALWAYS AS (
        least(provisional_from, partial_from)
    ) STORED,
    provisional_reason text NOT NULL,
    partial_reason text NOT NULL,
    last_entry timestamptz,
    PRIMARY KEY (account, asset)
);

-- How far the histories had no gap when a table was refreshed.
ALTER TABLE portfolio.refreshed
ADD COLUMN covered_until timestamptz NOT NULL DEFAULT '0001-01-01 UTC';

ALTER TABLE portfolio.value DROP CONSTRAINT value_state;
UPDATE portfolio.value SET state = 'provisional'
WHERE state = 'known';
ALTER TABLE portfolio.value ADD CONSTRAINT value_state
CHECK (state IN ('final', 'provisional', 'carried', 'partial'));
CREATE INDEX value_provisional ON portfolio.value (at) WHERE state = 'provisional';
