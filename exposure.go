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
	Key     string
	PURL    string // with version
	Mention Mention
}

// Mention is how a bill of materials names a component, apart from what its
// purl says.
type Mention struct {
	Places []Location `json:"places,omitempty"` // where the source names it: line of a file, sorted
	Direct bool       `json:"direct,omitempty"` // as in Component
	Dev    bool       `json:"dev,omitempty"`
	Layer  string     `json:"layer,omitempty"`
	Base   bool       `json:"base,omitempty"`
}

// Holder is a release that takes traffic and has a component in it.
type Holder struct {
	Environment string
	Service     string
	Release     Digest
	PURL        string
	Mention     Mention
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
	Elsewhere     []Finding `json:"elsewhere,omitempty"` // the same in further folders of the source
	Database      Digest    `json:"database"`            // of vulnerabilities, by which it became known
	Since         time.Time `json:"since"`
	Until         time.Time `json:"until,omitzero"`
}

// Findings gives what an exposure means as findings, one for each folder of
// the source that names the component.
func (x Exposure) Findings() []Finding {
	return append([]Finding{x.Finding}, x.Elsewhere...)
}
