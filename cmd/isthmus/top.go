package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/isthmus-go/isthmus/shm"
)

// Frame is what top writes at a time.
type Frame struct {
	Time    time.Time
	Objects []Rate
}

// Rate is what an object did in an interval.
type Rate struct {
	Segment, Object, Kind string
	// In and Out are how many Units came and went in a second, nil where that is not known.
	In, Out *float64
	Unit    string
	// Fill is how full a ring is, from 0 to 1; nil of others.
	Fill  *float64
	State string
}

func (c *cli) top() *cobra.Command {
	var frames int
	var interval time.Duration
	cmd := &cobra.Command{
		Use: "top [NAME...]", Short: "Show what objects do in a second",
		Long: `Top looks at segments, all of the directory or those named, again and again, and shows what their
objects do: how many messages a second come into rings and leave them, how full they are, how many
writes there are to tables and values, and what each object is doing. If it writes to a terminal, a
frame takes the place of the one before. It ends after -n frames, or when it is interrupted. The exit
code is about the last frame.

Heads and tails of rings with several producers or consumers may lag by a few positions, and so may
the rates. Rings of bytes count bytes, and a work queue counts the places that its producers pass.

With -json, it writes an object for each frame, in one line: Time, and Objects, an array with Segment,
Object, Kind, In and Out (a second, or null), Unit, Fill (0 to 1, or null) and State.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if interval <= 0 || frames < 0 {
				c.began = false
				return fmt.Errorf("interval %v, %d frames: they have to be positive", interval, frames)
			}
			return c.refresh(interrupted(), args, interval, frames)
		},
		ValidArgsFunction: c.completeNames(0, nil),
	}
	cmd.Flags().IntVarP(&frames, "frames", "n", 0, "end after so many, 0 for never")
	cmd.Flags().DurationVarP(&interval, "interval", "d", time.Second, "time from one to the next")
	return cmd
}

// sample is a look at segments.
type sample struct {
	time  time.Time
	infos []*shm.Info
}

func (c *cli) refresh(ctx context.Context, names []string, interval time.Duration, frames int) error {
	before, err := c.sample(names)
	if err != nil {
		return err
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	dirty, dead := false, false
	for n := 0; frames == 0 || n < frames; n++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return found(dirty, dead)
		}
		now, err := c.sample(names)
		if err != nil {
			return err
		}
		f := Frame{now.time, rates(before, now)}
		if c.json {
			err = writeJSON(c.out, f, true)
		} else {
			err = c.frame(f, n)
		}
		if err != nil {
			return err
		}
		dirty, dead = false, false
		for _, i := range now.infos {
			dirty, dead = dirty || damaged(i), dead || mourns(i)
		}
		before = now
	}
	return found(dirty, dead)
}

// sample looks at the segments of these names, or at all. One that nobody has named may go meanwhile,
// or not be this user's, or damaged.
func (c *cli) sample(names []string) (s sample, err error) {
	all := len(names) == 0
	if all {
		if names, err = shm.List(c.options()); err != nil {
			return s, err
		}
	}
	s.time = time.Now()
	for _, name := range names {
		info, err := shm.Inspect(name, c.options())
		switch {
		case err == nil:
			s.infos = append(s.infos, info)
		case !all || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, shm.ErrCorrupt):
			return s, err
		}
	}
	return s, nil
}

func (c *cli) frame(f Frame, n int) error {
	switch {
	case terminal(c.out):
		fmt.Fprint(c.out, "\x1b[H\x1b[J")
	case n > 0:
		fmt.Fprintln(c.out)
	}
	rows := [][]string{{"SEGMENT", "OBJECT", "KIND", "IN/s", "OUT/s", "FILL", "STATE"}}
	for _, r := range f.Objects {
		fill := "-"
		if r.Fill != nil {
			fill = strconv.FormatFloat(*r.Fill*100, 'f', 0, 64) + "%"
		}
		rows = append(rows, []string{
			clean(r.Segment), clean(r.Object), r.Kind, perSecond(r.In, r.Unit), perSecond(r.Out, r.Unit), fill, r.State,
		})
	}
	return table(c.out, rows...)
}

func perSecond(rate *float64, unit string) string {
	switch {
	case rate == nil:
		return "-"
	case unit == "bytes":
		return size(int64(min(*rate, 1<<62))) + "B"
	}
	return strconv.FormatFloat(*rate, 'f', 0, 64)
}

// terminal reports whether w is one, as far as a file tells.
func terminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice != 0
}
