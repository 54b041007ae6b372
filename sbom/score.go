package sbom

import (
	"fmt"
	"math"
	"strings"

	"fairlead.dev/format/cyclonedx"
)

// Check is one thing that a document is scored by.
type Check struct {
	Name   string  `json:"name"`
	Group  string  `json:"group"` // "ntia" for the minimum elements, else "quality"
	Weight float64 `json:"weight"`
	Share  float64 `json:"share"` // 0 to 1: how far it is fulfilled
	Detail string  `json:"detail"`
}

// Score says how good a document is.
type Score struct {
	Format     string  `json:"format"`
	Components int     `json:"components"`
	Score      float64 `json:"score"` // 0 to 10, one decimal: 10 x sum(weight x share) / sum(weight)
	NTIA       bool    `json:"ntia"`  // all minimum elements are there, for every component
	Checks     []Check `json:"checks"`
}

// Rate scores a document. License tells whether a text is an SPDX expression.
// The formula is published in docs/guide/sbom.md.
func Rate(d cyclonedx.Document, format string, license func(string) bool) Score {
	out := Score{Format: format, Components: len(d.Components), NTIA: true}
	n := tally(d, license)
	share := func(count int) float64 {
		if len(d.Components) == 0 {
			return 0
		}
		return float64(count) / float64(len(d.Components))
	}
	each := func(group, name string, weight float64, count int) {
		out.Checks = append(out.Checks, Check{name, group, weight, share(count), fmt.Sprintf("%d of %d components", count, len(d.Components))})
	}
	whole := func(group, name string, weight float64, ok bool, detail string) {
		c := Check{Name: name, Group: group, Weight: weight, Detail: detail}
		if ok {
			c.Share = 1
		} else if detail == "" {
			c.Detail = "missing"
		}
		out.Checks = append(out.Checks, c)
	}
	each("ntia", "supplier", 1, n.supplier)
	each("ntia", "name", 1, n.name)
	each("ntia", "version", 1, n.version)
	each("ntia", "unique identifier", 1, n.identifier)
	whole("ntia", "dependency relation", 1, n.edges > 0, fmt.Sprintf("%d relations", n.edges))
	author := strings.Join(d.Authors, ", ")
	if author == "" {
		author = d.Tool.Name
	}
	whole("ntia", "author", 1, author != "", author)
	stamp := ""
	if !d.Time.IsZero() {
		stamp = d.Time.Format("2006-01-02T15:04:05Z07:00")
	}
	whole("ntia", "timestamp", 1, stamp != "", stamp)
	each("quality", "purl", 1, n.purl)
	each("quality", "hash", 0.5, n.hash)
	each("quality", "licence expression", 1, n.license)
	each("quality", "dependency graph", 1, n.reached)
	whole("quality", "lifecycle phase", 0.25, d.Phase != "", d.Phase)
	whole("quality", "specification version", 0.25, current(format), format)
	whole("quality", "signature", 0.5, d.Signed, map[bool]string{true: "present, not verified"}[d.Signed])
	sum, weights := 0.0, 0.0
	for _, c := range out.Checks {
		sum, weights = sum+c.Weight*c.Share, weights+c.Weight
		out.NTIA = out.NTIA && (c.Group != "ntia" || c.Share == 1)
	}
	out.Score = math.Round(100*sum/weights) / 10
	return out
}

// counts are how many components have what.
type counts struct {
	supplier, name, version, identifier, purl, hash, license, reached, edges int
}

func tally(d cyclonedx.Document, license func(string) bool) counts {
	n := counts{edges: len(d.Root.DependsOn)}
	linked := map[string]bool{}
	for _, to := range d.Root.DependsOn {
		linked[to] = true
	}
	for _, c := range d.Components {
		n.edges += len(c.DependsOn)
		for _, to := range c.DependsOn {
			linked[to] = true
		}
	}
	for _, c := range d.Components {
		add(&n.supplier, c.Supplier != "")
		add(&n.name, c.Name != "")
		add(&n.version, c.Version != "")
		add(&n.identifier, c.PURL != "" || c.CPE != "")
		add(&n.purl, strings.HasPrefix(c.PURL, "pkg:") && strings.Count(c.PURL, "/") > 0)
		add(&n.hash, len(c.Hashes) > 0)
		valid := len(c.Licenses) > 0
		for _, l := range c.Licenses {
			valid = valid && license(l.Text())
		}
		add(&n.license, valid)
		add(&n.reached, linked[c.Identity()])
	}
	return n
}

func add(n *int, when bool) {
	if when {
		*n++
	}
}

// current tells whether the format is one that its makers still recommend.
func current(format string) bool {
	switch format {
	case "CycloneDX 1.5", "CycloneDX 1.6", "CycloneDX 1.7", "SPDX 2.3":
		return true
	}
	return false
}
