UPDATE run SET revision = coalesce(json_extract(doc, '$.commit'), '');
CREATE INDEX run_revision ON run (revision, service);
CREATE TRIGGER revocation_no_update BEFORE UPDATE ON revocation
BEGIN SELECT RAISE(ABORT, 'revocations are append-only'); END;
CREATE TRIGGER revocation_no_delete BEFORE DELETE ON revocation
BEGIN SELECT RAISE(ABORT, 'revocations are append-only'); END;
CREATE TRIGGER revocation_no_replace BEFORE INSERT ON revocation
WHEN EXISTS (SELECT 1 FROM revocation WHERE evidence = NEW.evidence)
BEGIN SELECT RAISE(ABORT, 'revocations are append-only'); END;
