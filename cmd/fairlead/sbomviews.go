package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/format/spdx"
	"fairlead.dev/sbom"
)

// readBill reads a document of any format from a file.
func readBill(path string) (cyclonedx.Document, string, error) {
	f, err := os.Open(path)
	if err != nil {
		return cyclonedx.Document{}, "", unreadableBill(path, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, sbom.MaxSize+1))
	if err != nil {
		return cyclonedx.Document{}, "", unreadableBill(path, err)
	}
	d, format, err := sbom.Read(b)
	if err != nil {
		return d, "", &fairlead.Problem{Op: "read " + path, Kind: fairlead.KindOf(err), Err: err, Hint: fairlead.HintOf(err)}
	}
	return d, format, nil
}

func unreadableBill(path string, err error) error {
	if p := (*os.PathError)(nil); errors.As(err, &p) {
		err = p.Err
	}
	return &fairlead.Problem{Op: "read " + path, Kind: fairlead.KindInvalid, Err: err, Hint: "name a file with a bill of materials; `fairlead sbom` makes one"}
}

// Diff compares two documents.
func (bills) Diff(_ context.Context, before, after string) (cli.View, error) {
	a, _, err := readBill(before)
	if err != nil {
		return cli.View{}, err
	}
	b, _, err := readBill(after)
	if err != nil {
		return cli.View{}, err
	}
	d := sbom.Diff(a, b)
	var lines []string
	for _, p := range d.Added {
		lines = append(lines, "+ "+named(p))
	}
	for _, p := range d.Removed {
		lines = append(lines, "- "+named(p))
	}
	for _, c := range d.Versions {
		lines = append(lines, fmt.Sprintf("~ %s %s -> %s", c.Name, strings.Join(c.Before, ", "), strings.Join(c.After, ", ")))
	}
	for _, c := range d.Licenses {
		lines = append(lines, fmt.Sprintf("§ %s licence: %s -> %s", c.Name, orNone(c.Before), orNone(c.After)))
	}
	lines = append(lines, fmt.Sprintf("%d added, %d removed, %d with another version, %d with another licence, %d the same",
		len(d.Added), len(d.Removed), len(d.Versions), len(d.Licenses), d.Same))
	return cli.View{Lines: lines, Data: d}, nil
}

func named(p sbom.Part) string {
	if p.PURL != "" {
		return p.PURL
	}
	return strings.TrimSpace(p.Name + " " + p.Version)
}

func orNone(all []string) string {
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, " AND ")
}

// Score rates a document.
func (bills) Score(_ context.Context, file string) (cli.View, error) {
	d, format, err := readBill(file)
	if err != nil {
		return cli.View{}, err
	}
	s := sbom.Rate(d, format, spdx.IsExpression)
	lines := []string{fmt.Sprintf("%.1f of 10  %s, %d components", s.Score, s.Format, s.Components)}
	for _, c := range s.Checks {
		lines = append(lines, strings.TrimRight(fmt.Sprintf("  %4.0f%%  %-8s %-22s weight %-4g  %s", 100*c.Share, c.Group, c.Name, c.Weight, c.Detail), " "))
	}
	verdict := "the NTIA minimum elements are not all there"
	if s.NTIA {
		verdict = "the NTIA minimum elements are all there"
	}
	return cli.View{Lines: append(lines, verdict), Data: s}, nil
}
