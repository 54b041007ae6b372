-- Every noun is a JSON document (doc) beside the columns that select it.
-- Times are nanoseconds since 1970, UTC. {int}, {text} and {blob} stand for the
-- database's own types; {text} compares byte by byte.

CREATE TABLE record (
	seq     {int} PRIMARY KEY,
	id      {text} NOT NULL UNIQUE,
	type    {text} NOT NULL,
	subject {text} NOT NULL,
	run_id  {text} NOT NULL,
	time    {int} NOT NULL,
	data    {text}
);
CREATE INDEX record_run ON record (run_id, seq);

CREATE TABLE plan (
	hash {text} PRIMARY KEY,
	doc  {text} NOT NULL
);

CREATE TABLE run (
	id          {text} PRIMARY KEY,
	environment {text} NOT NULL,
	service     {text} NOT NULL,
	state       {text} NOT NULL,
	started     {int} NOT NULL,
	doc         {text} NOT NULL
);
CREATE INDEX run_started ON run (started, id);
CREATE INDEX run_place ON run (environment, started, id);
CREATE INDEX run_state ON run (state, started, id);

CREATE TABLE task (
	run_id   {text} NOT NULL,
	id       {text} NOT NULL,
	key      {text} NOT NULL,
	result   {text} NOT NULL,
	reused   {int} NOT NULL,
	started  {int} NOT NULL,
	finished {int} NOT NULL,
	doc      {text} NOT NULL,
	PRIMARY KEY (run_id, id)
);
CREATE INDEX task_key ON task (key, reused, finished) WHERE result = 'success' AND key <> '';

CREATE TABLE decision (
	id     {text} PRIMARY KEY,
	run_id {text} NOT NULL,
	doc    {text} NOT NULL
);

CREATE TABLE deployment (
	id          {text} PRIMARY KEY,
	environment {text} NOT NULL,
	service     {text} NOT NULL,
	started     {int} NOT NULL,
	doc         {text} NOT NULL
);
CREATE INDEX deployment_place ON deployment (environment, service, started, id);

CREATE TABLE environment (
	environment {text} NOT NULL,
	service     {text} NOT NULL,
	fence       {int} NOT NULL,
	doc         {text} NOT NULL,
	PRIMARY KEY (environment, service)
);

-- The envelope's bytes are kept as they are: the id is their digest.
CREATE TABLE evidence (
	id       {text} PRIMARY KEY,
	run_id   {text} NOT NULL,
	time     {int} NOT NULL,
	envelope {blob} NOT NULL,
	doc      {text} NOT NULL
);
CREATE INDEX evidence_run ON evidence (run_id, time, id);

CREATE TABLE output (
	run_id  {text} NOT NULL,
	task_id {text} NOT NULL,
	seq     {int} NOT NULL,
	attempt {int} NOT NULL,
	time    {int} NOT NULL,
	data    {blob} NOT NULL,
	PRIMARY KEY (run_id, task_id, seq)
);

CREATE TABLE cancellation (
	run_id {text} PRIMARY KEY
);
