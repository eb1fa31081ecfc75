package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/isthmus-go/isthmus/futex"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/segment"
)

// Check is what doctor has looked at.
type Check struct {
	Name  string
	Value string
	OK    bool
	// Note says what Isthmus does instead, and why, or what else there is to know.
	Note string `json:",omitempty"`
}

func (c *cli) doctor() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Tell what this machine offers, and what Isthmus does without", Args: cobra.NoArgs,
		Long: `Doctor tells what the system offers to Isthmus: the directory of segments and its room, limits, the
kernel, and the system calls that waiting, waking and liveness use. Of each that is not there, or is
refused, it says why, and what is done instead. Then the exit code is 4.

With -json, it writes an array of objects with Name, Value, OK and Note.`,
		RunE: func(*cobra.Command, []string) error { return c.checks() },
	}
}

func (c *cli) checks() error {
	dir := segment.Dir((*segment.Options)(c.options()))
	checks := []Check{
		{"program", runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH, true, ""},
		{"format", strconv.Itoa(layout.Version), true, ""},
		directory(dir),
	}
	checks = append(checks, system(dir)...)
	checks = append(checks, c.garbage())
	bad := false
	rows := [][]string{{"CHECK", "IS", "VALUE", "NOTE"}}
	for _, k := range checks {
		mark := "ok"
		if !k.OK {
			mark, bad = "FAULT", true
		}
		rows = append(rows, []string{k.Name, mark, clean(k.Value), clean(k.Note)})
	}
	var err error
	if c.json {
		err = writeJSON(c.out, checks, false)
	} else {
		err = table(c.out, rows...)
	}
	if err != nil {
		return err
	}
	return found(bad, false)
}

// yes is a check of what is there, or is not: then without says what is done.
func yes(name string, err error, without string) Check {
	if err != nil {
		return Check{name, "no", false, fmt.Sprintf("%v: %s", err, without)}
	}
	return Check{name, "yes", true, ""}
}

func directory(dir string) Check {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return Check{"directory", dir, false, err.Error()}
	case !info.IsDir():
		return Check{"directory", dir, false, "it is none"}
	}
	return Check{"directory", dir, true, ""}
}

func futexes() []Check {
	checks := []Check{{Name: "futex", Value: "yes", OK: true}, {Name: "futex_waitv", Value: "yes", OK: true}}
	if !futex.Native() {
		checks[0] = Check{"futex", "no", false, "refused, or not in this program: who waits polls, up to each 1 ms"}
	}
	if !futex.NativeAny() {
		checks[1] = Check{"futex_waitv", "no", false, "refused, or none before Linux 5.16: who waits for several things polls"}
	}
	return checks
}

// garbage counts what gc would look at.
func (c *cli) garbage() Check {
	names, dead := 0, 0
	all, err := c.sample(nil)
	if err != nil {
		return Check{"segments", "unknown", false, err.Error()}
	}
	for _, i := range all.infos {
		names++
		stale := len(i.Processes) > 0
		for _, p := range i.Processes {
			stale = stale && !p.Alive
		}
		if stale {
			dead++
		}
	}
	k := Check{"segments", strconv.Itoa(names), dead == 0, ""}
	if dead > 0 {
		k.Note = fmt.Sprintf("nobody alive has %d of them: isthmus gc removes those", dead)
	}
	return k
}
