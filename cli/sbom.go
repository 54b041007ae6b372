package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"fairlead.dev"
)

// BillQuery says of what to make a bill of materials, and how.
type BillQuery struct {
	Subject  string // directory, file or reference of an image; "" = the current directory
	Format   string // "cyclonedx" or "spdx"
	Name     string // of what the document is about; "" = the service, or the last part of Subject
	Ignored  bool   // files that git ignores, too
	NoDev    bool   // without what only building and testing need
	Platform string // of an image for several, "" = linux/amd64
	Base     string // path or reference of the base image, "scratch", or "" when it is not known
}

// Bill is a bill of materials.
type Bill struct {
	Subject    string `json:"subject"`
	Format     string `json:"format"` // "CycloneDX 1.6"
	Components int    `json:"components"`
	// Missing says which files could not be read, so what they name is not in it.
	Missing  []string `json:"missing"`
	File     string   `json:"file,omitempty"`
	Document []byte   `json:"-"`
}

// Bills makes bills of materials and works on those of others.
type Bills interface {
	// Formats are what a document can be written as.
	Formats() []string
	Make(ctx context.Context, q BillQuery) (Bill, error)
	// Notices writes what the licences of the components ask to be passed on; the
	// subject may be a bill of materials, too.
	Notices(ctx context.Context, q BillQuery) (Bill, error)
	// Diff compares the documents of two files, of any format.
	Diff(ctx context.Context, before, after string) (View, error)
	// Score rates the document of a file.
	Score(ctx context.Context, file string) (View, error)
}

func (c *commands) sbomCommand() *cobra.Command {
	var q BillQuery
	var out string
	cmd := &cobra.Command{
		Use:   "sbom [PATH|IMAGE|BINARY]",
		Short: "say what software is made of: a bill of materials",
		Long: "Lists the components of a source tree from its lock files and manifests, of a container image by what is\n" +
			"installed in it, or of a Go program by what it was built from, as CycloneDX 1.6 or SPDX 2.3. An image is an OCI\n" +
			"layout directory, a tar file as docker save writes it, or a reference with its tag or digest, which is fetched\n" +
			"from its registry; nothing else uses the network. Files are read in a confined process.\n\n" +
			"The same files give the same bytes: the time in the document is the commit's or the image's, or that of\n" +
			"SOURCE_DATE_EPOCH, never the clock's. A file that cannot be read is told on standard error, and the document\n" +
			"says that it is incomplete.",
		Example: "  fairlead sbom\n  fairlead sbom ../shop --format spdx --out shop.spdx.json\n  fairlead sbom bin/shop\n" +
			"  fairlead sbom registry.example/shop:1.2 --base debian:12",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Subject = first(args)
			b, err := c.Bills(c.set).Make(cmd.Context(), q)
			return c.bill(b, err, out)
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Format, "format", "cyclonedx", "cyclonedx (1.6) or spdx (2.3), both as JSON")
	f.StringVarP(&out, "out", "o", "", "write the document to this file instead of standard output")
	f.StringVar(&q.Name, "name", "", "name of what the document is about (default: the service, or the last part of PATH)")
	f.BoolVar(&q.Ignored, "ignored", false, "read the files that git ignores, too")
	f.BoolVar(&q.NoDev, "no-dev", false, "leave out what only building and testing need")
	f.StringVar(&q.Platform, "platform", "", "which image of one for several platforms (default linux/amd64)")
	f.StringVar(&q.Base, "base", "", "base image that the image was built from: path, reference or scratch (default: annotations and history tell)")
	_ = cmd.RegisterFlagCompletionFunc("format", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return c.Bills(c.set).Formats(), cobra.ShellCompDirectiveNoFileComp
	})
	cmd.AddCommand(
		c.noticesCommand(),
		&cobra.Command{
			Use: "diff BEFORE AFTER", Short: "show what one bill of materials has and another has not", Args: cobra.ExactArgs(2),
			Long: "Compares the components of two documents by their package URL without version, else by name: added, removed,\n" +
				"with another version, and with another licence. The documents may be CycloneDX 1.2 to 1.7 (JSON, XML) or SPDX\n" +
				"2.1 to 2.3 (JSON, tag-value), and need not be of one format. A difference is no failure.",
			Example: "  fairlead sbom diff old.cdx.json new.spdx.json --json",
			RunE: func(cmd *cobra.Command, args []string) error {
				return c.show(c.Bills(c.set).Diff(cmd.Context(), args[0], args[1]))
			},
		},
		&cobra.Command{
			Use: "score FILE", Short: "rate a bill of materials by the NTIA minimum elements, and by what makes it useful", Args: cobra.ExactArgs(1),
			Long: "Gives 0 to 10 points, by the formula in docs/guide/sbom.md. Every format is read that diff reads. A low score is\n" +
				"no failure.",
			RunE: func(cmd *cobra.Command, args []string) error {
				return c.show(c.Bills(c.set).Score(cmd.Context(), args[0]))
			},
		},
	)
	return cmd
}

// noticesCommand writes the notices of third parties.
func (c *commands) noticesCommand() *cobra.Command {
	var q BillQuery
	var out string
	cmd := &cobra.Command{
		Use: "notices [PATH|IMAGE|BINARY|SBOM]", Short: "write the licences and notices of all components", Args: cobra.MaximumNArgs(1),
		Long: "Writes a text for whoever gets the software: every component with its version and licence, and each licence text and\n" +
			"NOTICE file once, with the components that carry it. The texts come from vendor and node_modules in the tree and from\n" +
			"the Go module cache of this machine; where there is none, the text says so. The same files give the same bytes.\n" +
			"What only building and testing need is left out. SBOM is a file that diff reads.",
		Example: "  fairlead sbom notices -o THIRD-PARTY-NOTICES.txt\n  fairlead sbom notices shop.spdx.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Subject = first(args)
			b, err := c.Bills(c.set).Notices(cmd.Context(), q)
			return c.bill(b, err, out)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "out", "o", "", "write the notices to this file instead of standard output")
	f.StringVar(&q.Name, "name", "", "name of what the notices are about (default: the service, or the last part of PATH)")
	f.BoolVar(&q.Ignored, "ignored", false, "read the files that git ignores, too, such as node_modules")
	f.StringVar(&q.Platform, "platform", "", "which image of one for several platforms (default linux/amd64)")
	return cmd
}

// bill writes a document where it was asked for.
func (c *commands) bill(b Bill, err error, file string) error {
	if err != nil {
		return err
	}
	for _, m := range b.Missing {
		fmt.Fprintln(c.Err, "fairlead: "+strings.TrimSpace(m))
	}
	if file == "" {
		_, err := bytes.NewReader(b.Document).WriteTo(c.Out)
		return err
	}
	if err := os.WriteFile(file, b.Document, 0o644); err != nil { //nolint:gosec // a document for everybody
		return &fairlead.Problem{Op: "write bill of materials", Kind: fairlead.KindInvalid, Err: err, Hint: "--out names a file in a directory that exists"}
	}
	b.File = file
	if c.set.JSON {
		return c.encode(b)
	}
	if b.Format == "text" { // not a list of components, but written from one
		fmt.Fprintf(c.Out, "%s: notices of %s\n", file, b.Subject)
		return nil
	}
	fmt.Fprintf(c.Out, "%s: %d components of %s as %s\n", file, b.Components, b.Subject, b.Format)
	return nil
}
