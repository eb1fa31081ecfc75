package main

import (
	"fmt"
	"os"
	"time"
)

// A progress tells on stderr how far the run is: on a terminal in one line
// that is written over, else in a line for each round of a group.
type progress struct {
	terminal bool
	start    time.Time
	total    int // rounds of rows, over the whole run
	done     int
	last     string // the last plain line
}

func newProgress(total int) *progress {
	info, err := os.Stderr.Stat()
	return &progress{
		terminal: err == nil && info.Mode()&os.ModeCharDevice != 0,
		start:    time.Now(),
		total:    total,
	}
}

// step announces one round of one row.
func (p *progress) step(title, name string, round, rounds int) {
	if p.terminal {
		fmt.Fprintf(os.Stderr, "\r\x1b[K%3d %%  %s  round %d of %d%s",
			100*p.done/p.total, name, round, rounds, p.left())
	} else if line := fmt.Sprintf("%s: round %d of %d", title, round, rounds); line != p.last {
		fmt.Fprintf(os.Stderr, "%3d %%  %s%s\n", 100*p.done/p.total, line, p.left())
		p.last = line
	}
	p.done++
}

// left estimates the rest of the run from its pace so far.
func (p *progress) left() string {
	if p.done == 0 {
		return ""
	}
	d := time.Since(p.start) / time.Duration(p.done) * time.Duration(p.total-p.done)
	return fmt.Sprintf(", %v left", d.Round(time.Second))
}

// clear makes room for other output.
func (p *progress) clear() {
	if p.terminal {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
}
