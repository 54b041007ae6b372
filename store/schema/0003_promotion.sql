-- What evidence was taken back. Like the record it only grows.
CREATE TABLE revocation (
	evidence {text} PRIMARY KEY,
	run_id   {text} NOT NULL,
	time     {int} NOT NULL,
	doc      {text} NOT NULL
);

-- The newest result with a key decides, whatever it is.
DROP INDEX task_key;
CREATE INDEX task_key ON task (key, finished) WHERE reused = 0 AND key <> '';

-- Runs by the commit they are about.
ALTER TABLE run ADD COLUMN revision {text} NOT NULL DEFAULT '';
