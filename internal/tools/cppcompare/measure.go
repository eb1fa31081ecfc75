//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"
)

// A plan says how often each row is measured.
type plan struct {
	rounds  int // each with fresh processes
	samples int // in each round
}

const (
	slice      = 12 * time.Millisecond
	gaugeSlice = time.Millisecond
	hung       = 2 * time.Minute // far longer than a round of a row
)

// A result is the samples of a row, by the distance of the CPUs.
type result struct {
	row     row
	systems []string // Isthmus first
	samples map[distance][]sample
}

// A comparison has what all rows need.
type comparison struct {
	cpus    []int
	self    string // the path of this program, which is the sides of Isthmus
	program program
	gauge   *team
}

// measure measures the rows that match, in rounds.
func measure(ctx context.Context, p program, cpus []int, plan plan, match *regexp.Regexp) ([]result, error) {
	var results []result
	for _, r := range rows {
		if match.MatchString(r.name) {
			systems := append([]string{r.system}, p.systems[r.name]...)
			results = append(results, result{r, systems, map[distance][]sample{}})
		}
	}
	if len(results) == 0 {
		return nil, errors.New("no row matches -run")
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &comparison{cpus: cpus, self: self, program: p}
	r, _ := findRow(gaugeRow)
	if c.gauge, err = c.start(ctx, r, gaugeSystem); err != nil {
		return nil, err
	}
	err = c.gauge.warmUp(gaugeSlice)
	for round := 0; err == nil && round < plan.rounds; round++ {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, plan.rounds)
		for i := 0; err == nil && i < len(results); i++ {
			err = c.round(ctx, results[i], plan.samples)
		}
	}
	if stopped := c.gauge.stop(); err == nil {
		err = stopped
	}
	return results, err
}

// start starts the sides of one system of a row.
func (c *comparison) start(ctx context.Context, r row, system string) (*team, error) {
	path, share := c.program.path, newMemoryFile
	if system == r.system {
		path, share = c.self, newSegment
	}
	f, release, err := share()
	if err != nil {
		return nil, err
	}
	defer release() // the sides have it mapped
	return startTeam(ctx, path, r, system, f, c.cpus)
}

// round takes samples of a row, with processes of its own.
func (c *comparison) round(ctx context.Context, r result, samples int) (err error) {
	ctx, cancel := context.WithTimeout(ctx, hung)
	defer cancel()
	var teams []*team
	for _, system := range r.systems {
		var t *team
		if t, err = c.start(ctx, r.row, system); err != nil {
			break
		}
		teams = append(teams, t)
	}
	if err == nil {
		err = c.take(teams, r, samples)
	}
	if err != nil {
		cancel() // sides that wait for others would not end
	}
	for _, t := range teams {
		if stopped := t.stop(); err == nil && stopped != nil {
			err = fmt.Errorf("%s, %s: %w", r.row.name, t.system, stopped)
		}
	}
	return err
}

// take lets the teams warm up, and then work by turns.
func (c *comparison) take(teams []*team, r result, samples int) error {
	for _, t := range teams {
		if err := t.warmUp(slice); err != nil {
			return err
		}
	}
	for i := range samples {
		s, d, err := c.sample(teams, i%2 == 1)
		if err != nil {
			return err
		}
		r.samples[d] = append(r.samples[d], s)
	}
	return nil
}

// sample takes one sample. The teams have their turns in order, or from the last to
// the first.
func (c *comparison) sample(teams []*team, backward bool) (sample, distance, error) {
	s := make(sample, len(teams))
	before, err := c.gauge.turn(gaugeSlice)
	if err != nil {
		return nil, mixed, err
	}
	for i := range teams {
		if backward {
			i = len(teams) - 1 - i
		}
		if s[i], err = teams[i].turn(slice); err != nil {
			return nil, mixed, err
		}
	}
	after, err := c.gauge.turn(gaugeSlice)
	return s, distanceOf(before, after), err
}
