package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/shm"
)

// Summary is a segment, as ls writes it.
type Summary struct {
	Name        string
	Size        int64  // of the file, in bytes
	Format      int    // the version of the layout
	Mode        string // permissions, in octal
	UID         int    // -1 if it is not known
	Created     time.Time
	Alive, Dead int // processes that are attached, and that have died attached
	Objects     int
	Damaged     bool
	Error       string `json:",omitempty"` // why the rest is not known
}

func (c *cli) ls() *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List the segments of the directory", Args: cobra.NoArgs,
		Long: `Ls lists the segments of the directory: name, bytes of the file, version of the format, mode, owner,
age, how many processes are attached and alive, how many have died attached, and how many objects
there are. Of a segment of another format than this program's, it knows no more than that. A segment with
a "!" is damaged, or made on another architecture: see show. Of one that cannot be read, it says why
below.

With -json, it writes an array of objects with the fields Name, Size, Format, Mode, UID, Created,
Alive, Dead, Objects, Damaged, and Error of one that cannot be read.`,
		RunE: func(*cobra.Command, []string) error { return c.list() },
	}
}

func (c *cli) list() error {
	names, err := shm.List(c.options())
	if err != nil {
		return err
	}
	all := []Summary{}
	damaged, dead, failed := false, false, false
	for _, name := range names {
		s, err := summarize(name, c.options())
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was removed meanwhile
		}
		if err != nil {
			s.Error = err.Error()
			failed = failed || !s.Damaged
		}
		damaged, dead = damaged || s.Damaged, dead || s.Dead > 0
		all = append(all, s)
	}
	if c.json {
		err = writeJSON(c.out, all, false)
	} else {
		err = c.summaries(all)
	}
	if err == nil && failed {
		err = outcome(exitError)
	}
	if err == nil {
		err = found(damaged, dead)
	}
	return err
}

func summarize(name string, opts *shm.Options) (Summary, error) {
	s := Summary{Name: name, UID: -1}
	info, err := shm.Inspect(name, opts)
	if err != nil {
		s.Damaged = errors.Is(err, shm.ErrCorrupt)
		return s, err
	}
	s.Size, s.Format, s.Mode, s.UID, s.Created = info.FileSize, info.Format, mode(info.Mode), info.UID, info.Created
	s.Objects, s.Damaged = len(info.Objects), damaged(info)
	for _, p := range info.Processes {
		if p.Alive {
			s.Alive++
		} else {
			s.Dead++
		}
	}
	return s, nil
}

func mode(m fs.FileMode) string { return fmt.Sprintf("%04o", m.Perm()) }

// damaged reports whether something is wrong with the segment, or one of its objects. Another version
// of the format is no damage.
func damaged(info *shm.Info) bool {
	if info.Format != layout.Version {
		return false
	}
	for _, o := range info.Objects {
		if len(o.Faults) > 0 {
			return true
		}
	}
	return len(info.Faults) > 0
}

func (c *cli) summaries(all []Summary) error {
	if len(all) == 0 {
		return nil
	}
	rows := [][]string{{"NAME", "BYTES", "FORMAT", "MODE", "UID", "AGE", "ALIVE", "DEAD", "OBJECTS"}}
	var faults []string // behind the table: they would widen its columns
	for _, s := range all {
		name := clean(s.Name)
		if s.Damaged {
			name += " !"
		}
		if s.Error != "" {
			rows = append(rows, []string{name, "-", "-", "-", "-", "-", "-", "-", "-"})
			faults = append(faults, fmt.Sprintf("fault: %s %s", clean(s.Name), clean(strings.TrimPrefix(s.Error, "isthmus: "))))
			continue
		}
		rows = append(rows, []string{
			name, size(s.Size), strconv.Itoa(s.Format), s.Mode, strconv.Itoa(s.UID), age(s.Created),
			strconv.Itoa(s.Alive), strconv.Itoa(s.Dead), strconv.Itoa(s.Objects),
		})
	}
	if err := table(c.out, rows...); err != nil {
		return err
	}
	for _, f := range faults {
		if _, err := fmt.Fprintln(c.out, f); err != nil {
			return err
		}
	}
	return nil
}
