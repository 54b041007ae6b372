-- What running releases are made of, from the component to the release, and
-- which known vulnerabilities affect them.
CREATE TABLE inventory_component (
	num  {int} PRIMARY KEY,
	purl {text} NOT NULL UNIQUE,
	key  {text} NOT NULL -- ecosystem and name, as the database of vulnerabilities has them
);
CREATE INDEX inventory_component_key ON inventory_component (key);

CREATE TABLE inventory_sbom (
	num  {int} PRIMARY KEY,
	sbom {text} NOT NULL UNIQUE -- digest of the document
);

CREATE TABLE inventory_part (
	component {int} NOT NULL,
	sbom      {int} NOT NULL,
	PRIMARY KEY (component, sbom)
);

CREATE TABLE inventory_release (
	release_id {text} NOT NULL,
	sbom       {int} NOT NULL,
	PRIMARY KEY (release_id, sbom)
);
CREATE INDEX inventory_release_sbom ON inventory_release (sbom, release_id);

-- The release that takes the traffic, beside the document that has it.
ALTER TABLE environment ADD COLUMN release_id {text} NOT NULL DEFAULT '';
CREATE INDEX environment_release ON environment (release_id);

CREATE TABLE exposure (
	environment   {text} NOT NULL,
	service       {text} NOT NULL,
	release_id    {text} NOT NULL,
	vulnerability {text} NOT NULL,
	purl          {text} NOT NULL,
	over          {int} NOT NULL, -- 1 when it no longer holds
	doc           {text} NOT NULL,
	PRIMARY KEY (environment, service, release_id, vulnerability, purl)
);
CREATE INDEX exposure_purl ON exposure (purl, over);
