-- Which assets each entry of a history touches, and the time it spans.

-- One file per history: touched/<history>.sql, else touched/other.sql.
CREATE OR REPLACE VIEW portfolio.touched AS
{selects};
