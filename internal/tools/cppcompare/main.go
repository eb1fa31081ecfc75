//go:build linux

package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
)

func main() {
	p := plan{samples: 8}
	flag.IntVar(&p.rounds, "rounds", 6, "go through the rows so many times, each time with fresh processes")
	quick := flag.Bool("quick", false, "go through the rows once, and take half as many samples")
	pattern := flag.String("run", "", "measure only the rows whose name matches this `regexp`")
	flag.Parse()
	if *quick {
		p = plan{rounds: 1, samples: 4}
	}
	var err error
	if flag.NArg() > 0 { // this process is a side
		err = serve(flag.Args(), os.Stdin, os.Stdout)
	} else {
		err = compareAll(p, *pattern)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// compareAll measures all rows whose name matches, and prints the table.
func compareAll(p plan, pattern string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	match, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "cppcompare")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program, err := compile(ctx, dir)
	if err != nil {
		return err
	}
	cpus, err := cpuPair()
	if err != nil {
		return err
	}
	before, err := readUsage(cpus)
	if err != nil {
		return err
	}
	results, err := measure(ctx, program, cpus, p, match)
	if err != nil {
		return err
	}
	after, err := readUsage(cpus)
	if err != nil {
		return err
	}
	fmt.Println(machine(ctx))
	err = printTable(os.Stdout, results)
	if !program.hasBoost() {
		fmt.Println("Without boost: its headers are not installed.")
	}
	fmt.Printf("CPUs %d and %d; other processes had %.0f %% of them.\n", cpus[0], cpus[1], 100*after.since(before).others())
	return err
}
