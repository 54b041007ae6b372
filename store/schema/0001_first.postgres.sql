-- The record is append-only.
CREATE FUNCTION record_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the record is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$;
CREATE TRIGGER record_no_change BEFORE UPDATE OR DELETE ON record
FOR EACH ROW EXECUTE FUNCTION record_append_only();
CREATE TRIGGER record_no_truncate BEFORE TRUNCATE ON record
FOR EACH STATEMENT EXECUTE FUNCTION record_append_only();
