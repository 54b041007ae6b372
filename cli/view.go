package cli

import (
	"context"
	"fmt"
)

func (c *commands) withRecords(ctx context.Context, do func(context.Context, Records) error) error {
	rec, err := c.Records(ctx, c.set)
	if err != nil {
		return err
	}
	defer rec.Close()
	return do(ctx, rec)
}

func (c *commands) show(v View, err error) error {
	if err != nil {
		return err
	}
	if c.set.JSON {
		return c.encode(v.Data)
	}
	for _, l := range v.Lines {
		fmt.Fprintln(c.Out, l)
	}
	return nil
}

// first gives the first argument, "" when there is none.
func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
