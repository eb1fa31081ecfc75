package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// bridge is refused: nats.go does not compile for Plan 9.
func (c *cli) bridge() *cobra.Command {
	return &cobra.Command{
		Use: "bridge CONFIG", Short: "Continue rings in a stream of NATS JetStream (not on Plan 9)",
		RunE: func(*cobra.Command, []string) error { return errors.ErrUnsupported },
	}
}
