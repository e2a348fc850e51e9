-- Everything that changes a balance: the histories, and of the ledger what no history has.
-- part is fills, fees, transfers, funding, conversions or other; reported is false where the
-- exchange does not report the amount, which is 0 then.

CREATE OR REPLACE VIEW portfolio.movements AS
{selects};
