-- What was seen of a deployment while it was judged, look by look. The row of
-- seq 0 is replaced by every look: where the counters stood.
CREATE TABLE look (
	deployment {text} NOT NULL,
	seq        {int} NOT NULL,
	doc        {blob} NOT NULL,
	PRIMARY KEY (deployment, seq)
);
