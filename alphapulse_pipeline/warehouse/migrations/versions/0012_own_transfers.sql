DELETE FROM portfolio.own_transfers;
ALTER TABLE portfolio.own_transfers RENAME COLUMN transfer_id TO entry;
ALTER TABLE portfolio.own_transfers RENAME COLUMN from_id TO from_entry;
ALTER TABLE portfolio.own_transfers ADD COLUMN amount numeric NOT NULL;
ALTER TABLE portfolio.own_transfers ADD COLUMN wallet text NOT NULL;
ALTER TABLE portfolio.own_transfers ADD COLUMN from_wallet text NOT NULL;

-- without settings, all lots are matched again
DELETE FROM portfolio.lot_settings;
ALTER TABLE portfolio.lot_accounts ADD COLUMN master text;

CREATE INDEX ledger_transfers ON alphapulse.ledger (account, happened_at) WHERE class = 'transfer';
