package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/isthmus-go/isthmus/internal/tap"
	"github.com/isthmus-go/isthmus/shm"
)

// The exit codes are for scripts, and do not change.
const (
	exitOK = iota
	exitError
	exitUsage
	exitMissing
	exitDamaged
	exitDead
)

const about = `Isthmus looks at segments of shared memory from outside. It attaches nobody, takes no lock, and
changes nothing; only gc and rm remove files. It needs permission to read the file of a segment.

With -json, each command writes JSON. Where package shm has a type for it, the fields have its names
("go doc shm.Info"); the help of each command says which. Commands that go on write a line for each
object. Times are as in RFC 3339, bytes without a meaning in base64.

Exit codes:
  0  it is done, and what was looked at is in order
  1  an error
  2  wrong usage
  3  there is no such segment or object, or it was removed meanwhile
  4  damage was found, or what doctor calls a fault
  5  a process has died attached, and nobody has taken its place since (and there is no damage)`

// cli is one call of the program.
type cli struct {
	out, errs io.Writer
	dir       string
	json      bool
	began     bool // so an error is no wrong usage
}

// run is the program: it returns its exit code.
func run(args []string, out, errs io.Writer) int {
	c := &cli{out: out, errs: errs}
	root := c.command()
	root.SetArgs(oneDash(root, args))
	err := root.Execute()
	if err == nil {
		return exitOK
	}
	code := codeOf(err)
	if !c.began {
		code = exitUsage
	}
	for line := range strings.SplitSeq(err.Error(), "\n") { // what was joined
		if line != "" {
			line = strings.ReplaceAll(strings.TrimPrefix(line, "isthmus: "), "\t", "  ")
			fmt.Fprintln(errs, "isthmus: "+clean(line))
		}
	}
	if code == exitUsage {
		fmt.Fprintln(errs, `"isthmus help" tells how to use it`)
	}
	return code
}

func (c *cli) command() *cobra.Command {
	root := &cobra.Command{
		Use: "isthmus", Short: "Look at segments of shared memory", Long: about,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRun: func(*cobra.Command, []string) { c.began = true },
	}
	root.SetOut(c.out)
	root.SetErr(c.errs)
	flags := root.PersistentFlags()
	flags.StringVar(&c.dir, "dir", "", "the directory of the segments (default: as that of shm.Options)")
	flags.BoolVar(&c.json, "json", false, "write JSON")
	root.AddCommand(c.ls(), c.show(), c.top(), c.watch(), c.bridge(), c.gc(), c.rm(), c.doctor())
	root.SetHelpCommand(c.help())
	return root
}

// help is that of cobra, but for what it does not know: that is wrong usage.
func (c *cli) help() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Tell how to use a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, _, err := cmd.Root().Find(args)
			if err != nil {
				c.began = false
				return err
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begin string) (names []string, _ cobra.ShellCompDirective) {
			for _, sub := range cmd.Root().Commands() {
				if len(args) == 0 && sub.IsAvailableCommand() && strings.HasPrefix(sub.Name(), begin) {
					names = append(names, sub.Name()+"\t"+sub.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

func (c *cli) options() *shm.Options { return &shm.Options{Dir: c.dir} }

// outcome is an exit code of what went well.
type outcome int

func (outcome) Error() string { return "" }

// found returns what the exit code has to say of segments.
func found(damaged, dead bool) error {
	switch {
	case damaged:
		return outcome(exitDamaged)
	case dead:
		return outcome(exitDead)
	}
	return nil
}

func codeOf(err error) int {
	var o outcome
	switch {
	case errors.As(err, &o):
		return int(o)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, tap.ErrGone):
		return exitMissing
	case errors.Is(err, shm.ErrCorrupt):
		return exitDamaged
	case errors.Is(err, shm.ErrName), errors.Is(err, tap.ErrNoRing):
		return exitUsage
	}
	return exitError
}

// oneDash lets long flags have one dash, as those of Go programs have: pflag takes two.
func oneDash(root *cobra.Command, args []string) []string {
	long := map[string]bool{"help": true}
	for _, c := range append(root.Commands(), root) {
		note := func(f *pflag.Flag) { long[f.Name] = true }
		c.PersistentFlags().VisitAll(note)
		c.Flags().VisitAll(note)
	}
	fixed := make([]string, 0, len(args))
	for i, arg := range args {
		if arg == "--" {
			return append(fixed, args[i:]...)
		}
		if name, ok := strings.CutPrefix(arg, "-"); ok && len(name) > 1 {
			if name, _, _ = strings.Cut(name, "="); long[name] {
				arg = "-" + arg
			}
		}
		fixed = append(fixed, arg)
	}
	return fixed
}
