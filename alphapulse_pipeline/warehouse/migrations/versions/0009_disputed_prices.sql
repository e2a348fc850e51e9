ALTER TABLE portfolio.prices
ADD COLUMN other_price numeric,
ADD COLUMN sources text[],
ADD CONSTRAINT prices_sources CHECK ((other_price IS NULL) = (sources IS NULL));

-- The tolerance by which the stored prices were compared; without it they are compared again.
CREATE TABLE portfolio.price_settings (
    one boolean PRIMARY KEY DEFAULT TRUE,
    tolerance numeric NOT NULL,
    CONSTRAINT price_settings_one_row CHECK (one)
);

-- A generated column cannot be changed before PostgreSQL 17.
ALTER TABLE portfolio.value
ADD COLUMN disputed numeric NOT NULL DEFAULT 0,
DROP COLUMN uncertainty;
ALTER TABLE portfolio.value ADD COLUMN uncertainty numeric NOT NULL GENERATED ALWAYS AS (
    greatest(abs((1 - confidence) * value), unexplained + disputed)
) STORED;
