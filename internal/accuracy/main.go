// Command accuracy measures how often the scanners are right, on files whose
// answers are known, and writes the page docs/reference/accuracy.md.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"flag"
	"fmt"
	"io"
	"os"

	"fairlead.dev/reach"
)

//go:embed page.md
var intro string

// section is a part of the page.
type section struct {
	title, text string
	write       func(context.Context, io.Writer) error
}

func main() {
	reach.Guard()
	out := flag.String("out", "", "file to write the page to (default: standard output)")
	only := flag.String("only", "", "title of the one section to measure, for a look at it")
	flag.Parse()
	if err := publish(context.Background(), *out, *only); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// publish measures everything and writes the page.
func publish(ctx context.Context, out, only string) error {
	page := bytes.NewBufferString(intro)
	for _, s := range sections() {
		if only != "" && s.title != only {
			continue
		}
		fmt.Fprintf(page, "\n## %s\n\n%s\n", s.title, s.text)
		if err := s.write(ctx, page); err != nil {
			return fmt.Errorf("%s: %w", s.title, err)
		}
		fmt.Fprintln(os.Stderr, "measured", s.title)
	}
	if out == "" {
		_, err := os.Stdout.Write(page.Bytes())
		return err
	}
	return os.WriteFile(out, page.Bytes(), 0o644) //nolint:gosec // a page that everybody reads
}

func sections() []section {
	return []section{
		{"Secrets", aboutSecrets, secretsSection},
		{"Go code", aboutSAST, sastSection},
		{"Infrastructure as code", aboutIaC, iacSection},
		{"Running services", aboutDAST, dastSection},
		{"Reachability of vulnerable Go code", aboutReach, reachSection},
		{"Versions that records affect", aboutVersions, versionsSection},
	}
}

//go:embed secrets.md
var aboutSecrets string
