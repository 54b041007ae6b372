-- How a bill of materials names each component, and which releases were looked
-- at since they went live. What is there was read without it: it is read again.
DELETE FROM inventory_release;
DELETE FROM inventory_part;
DELETE FROM inventory_sbom;

CREATE TABLE inventory_mention (
	num {int} PRIMARY KEY,
	doc {text} NOT NULL UNIQUE
);

ALTER TABLE inventory_part ADD COLUMN mention {int} NOT NULL DEFAULT 0;
ALTER TABLE inventory_release ADD COLUMN looked {int} NOT NULL DEFAULT 0; -- 1 when its vulnerabilities were looked up
CREATE INDEX inventory_release_looked ON inventory_release (release_id, looked);
