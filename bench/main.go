package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"syscall"
)

func main() {
	if isPeer() {
		os.Exit(peerMain())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(benchMain(ctx, os.Args[1:], os.Stdout))
}

// options are the command line.
type options struct {
	plan plan
	run  *regexp.Regexp
	long bool // long rows, too
	list bool
	json bool
	html string // the report's file; "" for none
	svg  string // the directory for charts; "" for none
}

func parseOptions(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	quick := flags.Bool("quick", false, "short rounds, and without the long curves unless -run asks for them: the whole run in under 60 s")
	run := flags.String("run", "", "measure only the rows whose name matches this `regexp` (see -list)")
	flags.BoolVar(&o.list, "list", false, "print the names of the rows, and stop")
	flags.BoolVar(&o.json, "json", false, "print one JSON object a row instead of tables")
	flags.StringVar(&o.html, "html", "", "write a report with charts to this `file`, at the end")
	flags.StringVar(&o.svg, "svg", "", "write each chart to this `directory`, at the end")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		err := fmt.Errorf("unexpected argument %q", flags.Arg(0))
		fmt.Fprintln(flags.Output(), err)
		flags.Usage()
		return o, err
	}
	o.plan = fullPlan
	if *quick {
		o.plan = quickPlan
	}
	o.long = !*quick || *run != ""
	var err error
	if o.run, err = regexp.Compile(*run); err != nil {
		fmt.Fprintf(flags.Output(), "-run: %v\n", err)
	}
	return o, err
}

// benchMain is the program, apart from the process around it. It returns
// the exit code: 2 for a wrong command line, 1 if a row failed or ctx ended.
func benchMain(ctx context.Context, args []string, out io.Writer) int {
	o, err := parseOptions(args)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	var rows []row
	for _, r := range allRows() {
		if o.run.MatchString(r.name()) && (o.long || !r.long) {
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 {
		fmt.Fprintln(os.Stderr, "no row matches -run; -list prints their names")
		return 2
	}
	if o.list {
		for _, r := range rows {
			fmt.Fprintln(out, r.name())
		}
		return 0
	}
	if err := claim(o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if !o.json {
		fmt.Fprintln(out, heading(o.plan))
	}
	var all []result
	report := &htmlReport{Heading: heading(o.plan)}
	err = measureAll(ctx, groups(rows), o.plan, func(g group, ms []*measurement, s *steadiness) error {
		results := succeeded(ms)
		all = append(all, results...)
		if err := printResults(out, o, g, results); err != nil {
			return err
		}
		if err := report.add(g, results, s.note()); err != nil {
			return err
		}
		return printNote(out, o, g, s.note())
	})
	if err == nil && o.html != "" {
		err = report.writePage(o.html)
	}
	if err == nil && o.svg != "" {
		err = report.writePictures(o.svg)
	}
	if err == nil && !o.json {
		err = printSummary(out, all)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || len(all) < len(rows) {
		return 1
	}
	return 0
}

// succeeded returns the results of ms, less those that failed, which it
// reports.
func succeeded(ms []*measurement) []result {
	var results []result
	for _, m := range ms {
		if m.err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", m.row.name(), m.err)
			continue
		}
		r, err := m.result()
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", m.row.name(), err)
			continue
		}
		results = append(results, r)
	}
	return results
}

func printResults(out io.Writer, o options, g group, results []result) error {
	if !o.json {
		if len(results) == 0 {
			return nil
		}
		return printTable(out, g.title(), results)
	}
	enc := json.NewEncoder(out)
	for _, r := range results {
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// printNote adds a note to the table of a group. The lines that -json prints
// have no place for one.
func printNote(out io.Writer, o options, g group, note string) error {
	if note == "" {
		return nil
	}
	if o.json {
		_, err := fmt.Fprintf(os.Stderr, "%s: %s\n", g.title(), note)
		return err
	}
	_, err := fmt.Fprintf(out, "  (%s)\n", note)
	return err
}

func heading(p plan) string {
	pinning := "processes not pinned"
	if cpus := cpuPair(); cpus != nil {
		pinning = fmt.Sprintf("processes pinned to CPUs %d and %d", cpus[0], cpus[1])
	}
	return fmt.Sprintf("%s/%s, %s, %d CPUs, %s; medians of %d rounds",
		runtime.GOOS, runtime.GOARCH, runtime.Version(), runtime.NumCPU(), pinning, p.rounds)
}
