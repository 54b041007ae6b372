-- What people decide. An approval is never changed; a freeze is lifted once
-- and a grant reviewed once, then neither changes any more.

CREATE TABLE approval (
	id     {text} PRIMARY KEY,
	run_id {text} NOT NULL,
	time   {int} NOT NULL,
	doc    {text} NOT NULL
);
CREATE INDEX approval_run ON approval (run_id, time, id);

CREATE TABLE standing_freeze (
	id    {text} PRIMARY KEY,
	added {int} NOT NULL,
	over  {int} NOT NULL, -- 1 when it was lifted
	doc   {text} NOT NULL
);
CREATE INDEX standing_freeze_over ON standing_freeze (over, added, id);

CREATE TABLE break_glass (
	id          {text} PRIMARY KEY,
	environment {text} NOT NULL,
	service     {text} NOT NULL,
	commit_id   {text} NOT NULL,
	made        {int} NOT NULL,
	over        {int} NOT NULL, -- 1 when it was reviewed
	doc         {text} NOT NULL
);
CREATE INDEX break_glass_for ON break_glass (environment, service, commit_id, made, id);
