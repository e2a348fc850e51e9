-- Every change of a balance that the histories report, without the ledger; see portfolio.movements.

-- One file per history: movements/<history>.sql
CREATE OR REPLACE VIEW portfolio.history_movements AS
{selects};
