-- Findings over time, what people decided to let pass, and what each decision
-- weighed, so that another policy can be tried on it.

CREATE TABLE finding (
	service     {text} NOT NULL,
	environment {text} NOT NULL, -- '' for a work tree
	id          {text} NOT NULL,
	state       {text} NOT NULL,
	version     {int} NOT NULL, -- grows by one with each change
	doc         {text} NOT NULL,
	PRIMARY KEY (service, environment, id)
);
CREATE INDEX finding_state ON finding (environment, state);

CREATE TABLE finding_exception (
	id      {text} PRIMARY KEY,
	service {text} NOT NULL,
	made    {int} NOT NULL,
	over    {int} NOT NULL, -- 1 when it was revoked
	version {int} NOT NULL, -- 1 and the number of approvals
	doc     {text} NOT NULL
);
CREATE INDEX finding_exception_of ON finding_exception (service, made, id);

CREATE TABLE weighed (
	decision {text} PRIMARY KEY,
	doc      {blob} NOT NULL -- gzip
);
