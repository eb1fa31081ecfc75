package main

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/isthmus-go/isthmus/shm"
)

func (c *cli) show() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Tell all that is known of a segment", Args: cobra.ExactArgs(1),
		Long: `Show tells what is in a segment: the processes that are attached, or have died attached; the objects,
with kind, type of the elements, capacity, bytes, offset in the file, how many use them, and what
they are doing; the fields of the types; and what is wrong with it all. "pid 0" is a process of
another PID namespace.

With -json, it writes a shm.Info, whose documentation describes all fields.`,
		RunE:              func(_ *cobra.Command, args []string) error { return c.showOne(args[0]) },
		ValidArgsFunction: c.completeNames(1, nil),
	}
}

func (c *cli) showOne(name string) error {
	info, err := shm.Inspect(name, c.options())
	if err != nil {
		return err
	}
	if c.json {
		err = writeJSON(c.out, info, false)
	} else {
		err = c.describe(info)
	}
	if err != nil {
		return err
	}
	return found(damaged(info), mourns(info))
}

// mourns reports whether a process has died attached, and nobody has its place.
func mourns(info *shm.Info) bool {
	return slices.ContainsFunc(info.Processes, func(p shm.ProcessInfo) bool { return !p.Alive })
}

func (c *cli) describe(i *shm.Info) error {
	fmt.Fprintf(c.out, "segment %s: %s\n", clean(i.Name), clean(i.Path))
	fmt.Fprintf(c.out, "format %d, version %d, mode %s, uid %d, age %s\n", i.Format, i.Version, mode(i.Mode), i.UID, age(i.Created))
	fmt.Fprintf(c.out, "%d bytes, %d for objects, %d never used; %d of %d processes, %d of %d objects\n",
		i.FileSize, i.Size, i.Free, len(i.Processes), i.MaxProcs, len(i.Objects), i.MaxObjects)
	for _, f := range i.Faults {
		fmt.Fprintf(c.out, "fault: %s\n", clean(f))
	}
	if len(i.Processes) > 0 {
		rows := [][]string{{"PROCESS", "SLOT", "ID", "AGE", "STATE"}}
		for _, p := range i.Processes {
			pid := fmt.Sprintf("pid %d", p.PID)
			if p.PID == 0 {
				pid += fmt.Sprintf(" (%d of namespace %d)", p.NamespacePID, p.Namespace)
			}
			rows = append(rows, []string{pid, strconv.Itoa(p.Slot), strconv.FormatUint(p.ID, 10), age(p.Started), alive(p.Alive)})
		}
		fmt.Fprintln(c.out)
		if err := table(c.out, rows...); err != nil {
			return err
		}
	}
	return c.objects(i)
}

func alive(is bool) string {
	if is {
		return "alive"
	}
	return "dead"
}

func (c *cli) objects(i *shm.Info) error {
	if len(i.Objects) == 0 {
		return nil
	}
	rows := [][]string{{"OBJECT", "KIND", "TYPE", "CAPACITY", "BYTES", "OFFSET", "USERS", "STATE"}}
	var fields [][]string
	for _, o := range i.Objects {
		name, capacity := clean(o.Name), "-"
		if o.Capacity != 0 {
			capacity = strconv.FormatInt(o.Capacity, 10)
		}
		rows = append(rows, []string{
			name, o.Kind, clean(o.Type.Name), capacity, strconv.FormatInt(o.Size, 10),
			strconv.FormatInt(o.Offset, 10), strconv.Itoa(len(o.Users)), state(o),
		})
		for _, f := range o.Type.Fields {
			fields = append(fields, []string{name, clean(f.Path), strconv.FormatInt(f.Offset, 10), clean(f.Type)})
		}
	}
	fmt.Fprintln(c.out)
	if err := table(c.out, rows...); err != nil {
		return err
	}
	for _, o := range i.Objects {
		for _, f := range o.Faults {
			fmt.Fprintf(c.out, "fault: %s %s\n", clean(o.Name), clean(f))
		}
	}
	if len(fields) == 0 {
		return nil
	}
	fmt.Fprintln(c.out)
	return table(c.out, append([][]string{{"OBJECT", "FIELD", "OFFSET", "TYPE"}}, fields...)...)
}
