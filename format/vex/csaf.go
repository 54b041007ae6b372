package vex

import (
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// advisory is what a CSAF document says about products.
type advisory struct {
	Document struct {
		Tracking struct {
			ID      string    `json:"id"`
			Current time.Time `json:"current_release_date"`
		} `json:"tracking"`
	} `json:"document"`
	Tree struct {
		Branches      []branch  `json:"branches"`
		Products      []product `json:"full_product_names"`
		Relationships []struct {
			Of      string  `json:"product_reference"`
			In      string  `json:"relates_to_product_reference"`
			Product product `json:"full_product_name"`
		} `json:"relationships"`
	} `json:"product_tree"`
	Vulnerabilities []flaw `json:"vulnerabilities"`
}

type branch struct {
	Branches []branch `json:"branches"`
	Product  *product `json:"product"`
}

type product struct {
	ID     string `json:"product_id"`
	Helper struct {
		PURL string `json:"purl"`
	} `json:"product_identification_helper"`
}

type flaw struct {
	CVE string `json:"cve"`
	IDs []struct {
		Text string `json:"text"`
	} `json:"ids"`
	Status struct {
		Fixed         []string `json:"fixed"`
		FirstFixed    []string `json:"first_fixed"`
		Affected      []string `json:"known_affected"`
		NotAffected   []string `json:"known_not_affected"`
		Investigation []string `json:"under_investigation"`
	} `json:"product_status"`
	Flags   []remark `json:"flags"`
	Threats []remark `json:"threats"`
}

// remark is a flag, which has a label, or a threat, which has details.
type remark struct {
	Label    string   `json:"label"`
	Category string   `json:"category"`
	Details  string   `json:"details"`
	Products []string `json:"product_ids"`
}

// place is a product, and which part of it.
type place struct{ product, component string }

// maxDepth is how deep the branches of a product tree may lie in one another.
const maxDepth = 64

func (d *Document) csaf(b []byte) error {
	var doc advisory
	if err := json.Unmarshal(b, &doc); err != nil {
		return err
	}
	d.ID, d.Time = doc.Document.Tracking.ID, doc.Document.Tracking.Current
	places, err := doc.places()
	if err != nil {
		return err
	}
	for _, v := range doc.Vulnerabilities {
		name := v.CVE
		if name == "" && len(v.IDs) > 0 {
			name = v.IDs[0].Text
		}
		for _, list := range []struct {
			status   string
			products []string
		}{
			{Fixed, append(v.Status.Fixed, v.Status.FirstFixed...)},
			{Affected, v.Status.Affected},
			{NotAffected, v.Status.NotAffected},
			{UnderInvestigation, v.Status.Investigation},
		} {
			for _, id := range list.products {
				at, ok := places[id]
				if !ok {
					return errors.New("product " + id + " is not in its product tree")
				}
				s := Statement{Vulnerability: name, Product: at.product, Component: at.component, Status: list.status, Time: d.Time}
				if list.status == NotAffected {
					s.Justification, s.Statement = v.why(id)
				}
				d.Statements = append(d.Statements, s)
			}
		}
	}
	return nil
}

// why gives the reasons why a product is not affected.
func (v flaw) why(id string) (justification, words string) {
	for _, f := range v.Flags {
		if slices.Contains(f.Products, id) {
			justification = f.Label
		}
	}
	for _, t := range v.Threats {
		if t.Category == "impact" && slices.Contains(t.Products, id) {
			words = t.Details
		}
	}
	return justification, words
}

// places gives what each product id stands for: its purl where it has one, and
// of a relationship the part and what it is part of.
func (a advisory) places() (map[string]place, error) {
	all := map[string]place{}
	add := func(p product) {
		at := place{product: p.Helper.PURL}
		if at.product == "" {
			at.product = p.ID
		}
		all[p.ID] = at
	}
	var walk func(bs []branch, depth int) error
	walk = func(bs []branch, depth int) error {
		if depth > maxDepth {
			return errors.New("its product tree is too deep")
		}
		for _, b := range bs {
			if b.Product != nil {
				add(*b.Product)
			}
			if err := walk(b.Branches, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	if err := walk(a.Tree.Branches, 0); err != nil {
		return nil, err
	}
	for _, p := range a.Tree.Products {
		add(p)
	}
	for _, r := range a.Tree.Relationships {
		of, in := all[r.Of], all[r.In]
		if of.product == "" || in.product == "" {
			return nil, errors.New("a relationship is about a product that is not in its product tree")
		}
		all[r.Product.ID] = place{product: in.product, component: of.product}
	}
	return all, nil
}
