package fairlead

import "time"

// Inventory is what a release is made of, by the bill of materials of the run
// that built it.
type Inventory struct {
	Release    Digest
	SBOM       Digest // of the document
	Components []Part
}

// Part is one component of an inventory. Key is how the database of
// vulnerabilities calls its package: "Go/golang.org/x/net".
type Part struct {
	Key  string
	PURL string // with version
}

// Holder is a release that takes traffic and has a component in it.
type Holder struct {
	Environment string
	Service     string
	Release     Digest
	PURL        string
}

// Exposure is a known vulnerability of a component of a release that takes
// traffic. Until is zero as long as it holds.
type Exposure struct {
	Environment   string    `json:"environment"`
	Service       string    `json:"service"`
	Release       Digest    `json:"release"`
	Vulnerability string    `json:"vulnerability"` // the one name of all records about it
	PURL          string    `json:"purl"`
	Finding       Finding   `json:"finding"`
	Database      Digest    `json:"database"` // of vulnerabilities, by which it became known
	Since         time.Time `json:"since"`
	Until         time.Time `json:"until,omitzero"`
}
