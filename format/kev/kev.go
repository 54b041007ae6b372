// Package kev reads the catalogue of known exploited vulnerabilities, as JSON
// and as CSV.
package kev

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrCatalogue is in the chain of every error about a malformed catalogue.
var ErrCatalogue = errors.New("not a catalogue of known exploited vulnerabilities")

// Catalogue is one edition.
type Catalogue struct {
	Version  string
	Released time.Time // zero when it does not say
	Entries  []Entry
}

// Entry is one vulnerability that is being exploited.
type Entry struct {
	CVE        string
	Added      time.Time
	Due        time.Time // by when agencies have to act; zero when it does not say
	Ransomware bool      // used in campaigns of extortion
	Action     string
}

// document is the catalogue's JSON.
type document struct {
	Version         string `json:"catalogVersion"`
	Released        string `json:"dateReleased"`
	Vulnerabilities []struct {
		CVE        string `json:"cveID"`
		Added      string `json:"dateAdded"`
		Due        string `json:"dueDate"`
		Ransomware string `json:"knownRansomwareCampaignUse"`
		Action     string `json:"requiredAction"`
	} `json:"vulnerabilities"`
}

// Decode reads a catalogue. What is malformed, or an entry without name or
// date, is an ErrCatalogue.
func Decode(b []byte) (Catalogue, error) {
	if !utf8.Valid(b) {
		return Catalogue{}, fmt.Errorf("%w: it is not UTF-8", ErrCatalogue)
	}
	if t := bytes.TrimLeft(b, "\ufeff \t\r\n"); len(t) == 0 || t[0] != '{' {
		return decodeCSV(t)
	}
	var d document
	if err := json.Unmarshal(bytes.TrimPrefix(b, []byte("\ufeff")), &d); err != nil {
		return Catalogue{}, fmt.Errorf("%w: %w", ErrCatalogue, err)
	}
	c := Catalogue{Version: d.Version}
	c.Released, _ = time.Parse(time.RFC3339, d.Released)
	for _, v := range d.Vulnerabilities {
		if err := c.add(v.CVE, v.Added, v.Due, v.Ransomware, v.Action); err != nil {
			return Catalogue{}, err
		}
	}
	return c, c.check()
}

// decodeCSV reads the columns that the header names, in any order.
func decodeCSV(b []byte) (Catalogue, error) {
	r := csv.NewReader(bytes.NewReader(b))
	header, err := r.Read()
	if err != nil {
		return Catalogue{}, fmt.Errorf("%w: %w", ErrCatalogue, err)
	}
	at := map[string]int{}
	for i, name := range header {
		at[name] = i
	}
	if _, ok := at["cveID"]; !ok {
		return Catalogue{}, fmt.Errorf("%w: there is no column cveID", ErrCatalogue)
	}
	var c Catalogue
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return c, c.check()
		}
		if err != nil {
			return Catalogue{}, fmt.Errorf("%w: %w", ErrCatalogue, err)
		}
		field := func(name string) string {
			if i, ok := at[name]; ok {
				return row[i]
			}
			return ""
		}
		if err := c.add(field("cveID"), field("dateAdded"), field("dueDate"), field("knownRansomwareCampaignUse"), field("requiredAction")); err != nil {
			return Catalogue{}, err
		}
	}
}

func (c *Catalogue) add(cve, added, due, ransomware, action string) error {
	e := Entry{CVE: cve, Ransomware: strings.EqualFold(ransomware, "known"), Action: action}
	var err error
	if e.Added, err = time.Parse(time.DateOnly, added); err != nil || !strings.HasPrefix(cve, "CVE-") {
		return fmt.Errorf("%w: entry %q of %q has no name or no date", ErrCatalogue, cve, added)
	}
	e.Due, _ = time.Parse(time.DateOnly, due)
	c.Entries = append(c.Entries, e)
	return nil
}

func (c *Catalogue) check() error {
	if len(c.Entries) == 0 {
		return fmt.Errorf("%w: it is empty", ErrCatalogue)
	}
	return nil
}
