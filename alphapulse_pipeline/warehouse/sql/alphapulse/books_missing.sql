-- The books of each account whose total, according to the exchange, is not that of what is read:
-- how much is missing (negative: too much was read), and its share of the account.

-- The exchange's prices are not those of our snapshots, so the totals of a book that is read may
-- differ by 5 %, and by a thousandth of the account.
CREATE OR REPLACE VIEW alphapulse.books_missing AS
SELECT
    account, captured_at, book, currency, exchange_total, read_total, missing,
    round(abs(missing) / whole, 4) AS share,
    CASE state WHEN 'unread' THEN 'not read' ELSE 'the totals differ' END
    || CASE WHEN abs(missing) > 0.01 * whole THEN ', more than 1 % of the account' ELSE '' END
        AS finding
FROM (
    SELECT
        *, exchange_total - read_total AS missing,
        nullif(sum(abs(exchange_total)) OVER (PARTITION BY account, currency), 0) AS whole
    FROM alphapulse.books_latest
) AS compared
WHERE state = 'unread' OR (
    state = 'read' AND abs(missing) > 0.001 * whole
    AND abs(missing) > 0.05 * greatest(abs(exchange_total), abs(read_total))
);
