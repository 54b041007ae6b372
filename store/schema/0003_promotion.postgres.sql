UPDATE run SET revision = coalesce(doc::json ->> 'commit', '');
CREATE INDEX run_revision ON run (revision, service);
CREATE FUNCTION revocation_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'revocations are append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$;
CREATE TRIGGER revocation_no_change BEFORE UPDATE OR DELETE ON revocation
FOR EACH ROW EXECUTE FUNCTION revocation_final();
CREATE TRIGGER revocation_no_truncate BEFORE TRUNCATE ON revocation
FOR EACH STATEMENT EXECUTE FUNCTION revocation_final();
