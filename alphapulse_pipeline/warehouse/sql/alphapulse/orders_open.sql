-- The orders that are open.

CREATE OR REPLACE VIEW alphapulse.orders_open AS
SELECT
    account, market, order_id, wallet, client_order_id, status, type, side, price, amount, filled,
    average, created_at, updated_at
FROM alphapulse.orders
WHERE status = 'open';
