-- Who wants to release what to where, and in which order. Rows of runs that
-- ended stay: they say who released and who was superseded.
CREATE TABLE line (
	environment {text} NOT NULL,
	service     {text} NOT NULL,
	run_id      {text} NOT NULL,
	seq         {int} NOT NULL,
	holder      {text} NOT NULL,
	mode        {text} NOT NULL,
	cancels     {int} NOT NULL,
	state       {text} NOT NULL,
	superseded  {text} NOT NULL,
	since       {int} NOT NULL,
	PRIMARY KEY (environment, service, run_id)
);
CREATE INDEX line_run ON line (run_id);
CREATE INDEX line_seq ON line (seq);
CREATE INDEX line_place ON line (environment, service, state, seq);
