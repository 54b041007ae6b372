-- What is known about vulnerabilities. The file is written once, by an import,
-- and only read afterwards: the next import writes another file and puts it in
-- its place. Times are nanoseconds since 1970, UTC; 0 is unknown.

CREATE TABLE meta (
	key   TEXT PRIMARY KEY,
	value TEXT NOT NULL
) WITHOUT ROWID;

-- Where the content comes from.
CREATE TABLE source (
	name     TEXT PRIMARY KEY,
	kind     TEXT NOT NULL, -- osv, kev, epss, openvex, cyclonedx, csaf
	origin   TEXT NOT NULL, -- file or address it was read from
	snapshot INTEGER NOT NULL,
	imported INTEGER NOT NULL,
	records  INTEGER NOT NULL,
	digest   TEXT NOT NULL,
	licence  TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE advisory (
	num       INTEGER PRIMARY KEY,
	id        TEXT NOT NULL UNIQUE,
	modified  INTEGER NOT NULL,
	published INTEGER NOT NULL,
	withdrawn INTEGER NOT NULL,
	summary   TEXT NOT NULL,
	vector    TEXT NOT NULL, -- its own CVSS vector or its database's word, "" when it has none
	severity  TEXT NOT NULL, -- of that: critical, high, medium, low, unknown
	cwe       TEXT NOT NULL, -- separated by spaces
	aliases   TEXT NOT NULL, -- other names of the same vulnerability, separated by spaces
	upstream  TEXT NOT NULL, -- vulnerabilities that it passes on, such as the CVEs of a distribution's advisory
	canonical TEXT NOT NULL, -- one name for all records of the same vulnerability
	names     TEXT NOT NULL, -- all ids and aliases of those records, separated by spaces
	worst     TEXT NOT NULL, -- severity by its own rating or else by those of its aliases
	because   TEXT NOT NULL, -- where worst comes from
	digest    BLOB NOT NULL
);
CREATE INDEX advisory_canonical ON advisory (canonical);

-- Which sources have a record: two archives may have the same one, and it goes
-- when the last of them has it no longer.
CREATE TABLE holds (
	source TEXT NOT NULL,
	num    INTEGER NOT NULL,
	PRIMARY KEY (source, num)
) WITHOUT ROWID;
CREATE INDEX holds_num ON holds (num);

-- The record as it was published, compressed by DEFLATE.
CREATE TABLE document (
	num  INTEGER PRIMARY KEY,
	body BLOB NOT NULL
);

-- Which versions of which package a record affects; name is normalised.
CREATE TABLE affected (
	ecosystem TEXT NOT NULL,
	name      TEXT NOT NULL,
	num       INTEGER NOT NULL,
	part      INTEGER NOT NULL, -- position in the record
	ranges    TEXT NOT NULL,    -- JSON
	versions  TEXT NOT NULL,    -- each between line feeds
	imports   TEXT NOT NULL,    -- JSON, of the Go database
	PRIMARY KEY (ecosystem, name, num, part)
) WITHOUT ROWID;
CREATE INDEX affected_num ON affected (num);

CREATE TABLE kev (
	cve        TEXT NOT NULL,
	source     TEXT NOT NULL,
	added      INTEGER NOT NULL,
	due        INTEGER NOT NULL,
	ransomware INTEGER NOT NULL,
	action     TEXT NOT NULL,
	PRIMARY KEY (cve, source)
) WITHOUT ROWID;

CREATE TABLE epss (
	cve        TEXT NOT NULL,
	source     TEXT NOT NULL,
	score      REAL NOT NULL,
	percentile REAL NOT NULL,
	PRIMARY KEY (cve, source)
) WITHOUT ROWID;

CREATE TABLE vex (
	source        TEXT NOT NULL,
	position      INTEGER NOT NULL,
	vulnerability TEXT NOT NULL,
	product       TEXT NOT NULL, -- purl, "" for everything
	component     TEXT NOT NULL, -- purl of a part of the product, "" for the product itself
	status        TEXT NOT NULL,
	justification TEXT NOT NULL,
	statement     TEXT NOT NULL,
	time          INTEGER NOT NULL,
	PRIMARY KEY (source, position)
) WITHOUT ROWID;
CREATE INDEX vex_vulnerability ON vex (vulnerability);
