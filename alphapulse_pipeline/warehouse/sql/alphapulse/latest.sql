-- The newest snapshot of {dataset} of each account.

-- The newest row of alphapulse.snapshots decides, so that an empty snapshot empties the view.
CREATE OR REPLACE VIEW alphapulse.{dataset}_latest AS
SELECT d.*
FROM alphapulse.datasets
CROSS JOIN LATERAL (
    SELECT snapshots.captured_at FROM alphapulse.snapshots
    WHERE snapshots.account = datasets.account AND snapshots.dataset = datasets.dataset
    ORDER BY snapshots.captured_at DESC LIMIT 1
) AS newest
INNER JOIN alphapulse.{dataset} AS d
    ON datasets.account = d.account AND newest.captured_at = d.captured_at
WHERE datasets.dataset = '{dataset}';
