package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/isthmus-go/isthmus/shm"
)

// Removed is what gc and rm write.
type Removed struct {
	Removed []string
}

func (c *cli) gc() *cobra.Command {
	return &cobra.Command{
		Use: "gc", Short: "Remove the segments that a crash has left behind", Args: cobra.NoArgs,
		Long: `Gc removes the segments that a crash has left behind, and writes their names: those with nobody alive
who is attached, and at least one who has died attached. See shm.RemoveStale.

With -json, it writes an object with the field Removed, an array of names.`,
		RunE: func(*cobra.Command, []string) error {
			names, err := shm.RemoveStale(c.options())
			return errors.Join(c.removed(names), err)
		},
	}
}

func (c *cli) rm() *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME...", Short: "Remove segments", Args: cobra.MinimumNArgs(1),
		Long: `Rm removes segments, also those that processes have open: they go on with them, and nobody else finds
them. It writes their names.

With -json, it writes an object with the field Removed, an array of names.`,
		RunE: func(_ *cobra.Command, args []string) error {
			var names []string
			var errs []error
			for _, name := range args {
				err := shm.Remove(name, c.options())
				if err == nil {
					names = append(names, name)
				}
				errs = append(errs, err)
			}
			return errors.Join(append(errs, c.removed(names))...)
		},
		ValidArgsFunction: c.completeNames(0, nil),
	}
}

func (c *cli) removed(names []string) error {
	if c.json {
		return writeJSON(c.out, Removed{append([]string{}, names...)}, false)
	}
	for _, name := range names {
		if _, err := fmt.Fprintln(c.out, clean(name)); err != nil {
			return err
		}
	}
	return nil
}
