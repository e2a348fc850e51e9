-- Records in portfolio.rewritten which rows of {dataset} were changed or deleted.

CREATE OR REPLACE FUNCTION portfolio.remember_{dataset}() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO portfolio.rewritten (account, dataset, market, happened_at)
    SELECT DISTINCT account, '{dataset}', {subject}, {time} FROM old_rows;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER changed AFTER UPDATE ON alphapulse.{dataset}
REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION portfolio.remember_{dataset}();

CREATE OR REPLACE TRIGGER deleted AFTER DELETE ON alphapulse.{dataset}
REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION portfolio.remember_{dataset}();
