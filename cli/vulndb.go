package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

// Vulnerabilities keeps the database of known vulnerabilities.
type Vulnerabilities interface {
	// Import reads files, archives and directories, all or none, and tells which
	// running releases are affected by what is new.
	Import(ctx context.Context, q ImportQuery) (View, error)
	Sync(ctx context.Context, q SyncQuery) (View, error)
	// Status says what the database holds, and warns when it is older than longest.
	Status(ctx context.Context, longest time.Duration) (View, error)
	Export(ctx context.Context, file string) (View, error)
	// Affected lists the running releases with known vulnerabilities.
	Affected(ctx context.Context) (View, error)
}

// ImportQuery says what to import.
type ImportQuery struct {
	Paths   []string
	Name    string // of the source; "" = by content
	Licence string
	Shrink  bool // a source may lose many of its records
}

// SyncQuery says what to fetch.
type SyncQuery struct {
	Addresses []string // none = the databases of the common ecosystems, and KEV
	Mirror    string
	Shrink    bool
}

func (c *commands) vulndbCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "vulndb", Short: "keep the database of known vulnerabilities",
		Long: "The database is one file, made from OSV records, KEV, EPSS and VEX. Scans read it without any network.\n" +
			"An import changes all or nothing, and tells which running releases are affected by what is new.",
	}
	cmd.AddCommand(c.vulndbImport(), c.vulndbSync(), c.vulndbStatus(),
		&cobra.Command{
			Use: "export FILE", Short: "write a copy of the database, for a machine without network", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return c.show(c.Vulnerabilities(c.set).Export(cmd.Context(), args[0]))
			},
		},
		&cobra.Command{
			Use: "affected", Short: "list the running releases that known vulnerabilities affect", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return c.show(c.Vulnerabilities(c.set).Affected(cmd.Context()))
			},
		},
	)
	return cmd
}

func (c *commands) vulndbImport() *cobra.Command {
	var q ImportQuery
	cmd := &cobra.Command{
		Use: "import PATH...", Short: "import OSV archives, directories and records, KEV, EPSS and VEX", Args: cobra.MinimumNArgs(1),
		Long: "An archive or a directory is all that its source has: the ecosystem that most of its records are about, unless\n" +
			"--name says another. What the source no longer has is removed. A file with one record adds to what there is. Records\n" +
			"may be JSON or YAML; other files in a directory are passed over, and VEX documents in it are taken in.",
		Example: "  fairlead vulndb import Go.zip PyPI.zip known_exploited_vulnerabilities.json\n  fairlead vulndb import GHSA-2222-3333-4444.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Paths = args
			return c.show(c.Vulnerabilities(c.set).Import(cmd.Context(), q))
		},
	}
	cmd.Flags().StringVar(&q.Name, "name", "", "name of the source, when there is one PATH (default: by its content)")
	shrinkFlag(cmd, &q.Shrink)
	cmd.Flags().StringVar(&q.Licence, "licence", "", "licence of the data, as status shows it")
	return cmd
}

func (c *commands) vulndbSync() *cobra.Command {
	var q SyncQuery
	cmd := &cobra.Command{
		Use: "sync [URL...]", Short: "fetch databases over the network and import them",
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Addresses = args
			return c.show(c.Vulnerabilities(c.set).Sync(cmd.Context(), q))
		},
	}
	shrinkFlag(cmd, &q.Shrink)
	cmd.Flags().StringVar(&q.Mirror, "mirror", "", "server to fetch from instead: its address, with the path of the original one below it")
	return cmd
}

func shrinkFlag(cmd *cobra.Command, to *bool) {
	cmd.Flags().BoolVar(to, "shrink", false, "let a source lose more than a quarter of its records, which is refused otherwise")
}

func (c *commands) vulndbStatus() *cobra.Command {
	var longest time.Duration
	cmd := &cobra.Command{
		Use: "status", Short: "show what the database holds, from where, and how old it is", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.show(c.Vulnerabilities(c.set).Status(cmd.Context(), longest))
		},
	}
	const day = 24 * time.Hour
	cmd.Flags().DurationVar(&longest, "max-age", 7*day, "warn when a source is older than this")
	return cmd
}
