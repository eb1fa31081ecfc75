package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isthmus-go/isthmus/shm"
)

// completion is what cobra asks for the words of an argument.
type completion = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// completeNames completes the first arguments, all if most is 0, by names of segments that are
// not there yet, and the one behind them by names of objects, if there is a function for them. Names
// that would not be shown as they are it leaves out.
func (c *cli) completeNames(most int, objects func(shm.ObjectInfo) bool) completion {
	return func(_ *cobra.Command, args []string, begin string) (names []string, _ cobra.ShellCompDirective) {
		switch {
		case most == 0 || len(args) < most:
			names, _ = shm.List(c.options()) // whoever completes has no use for an error
		case len(args) == most && objects != nil:
			if info, err := shm.Inspect(args[0], c.options()); err == nil {
				for _, o := range info.Objects {
					if objects(o) {
						names = append(names, o.Name)
					}
				}
			}
		}
		names = slices.DeleteFunc(names, func(name string) bool {
			return !strings.HasPrefix(name, begin) || clean(name) != name || slices.Contains(args, name) && most != 1
		})
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
