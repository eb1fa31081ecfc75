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
	enter()
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
	quick := flags.Bool("quick", false, "short rounds, and without long curves and some other rows unless -run asks for them: the whole run in under 60 s")
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
	return measure(ctx, o, rows, out)
}

// measure measures rows and prints them, as o says. It returns the exit code.
func measure(ctx context.Context, o options, rows []row, out io.Writer) int {
	report := &htmlReport{Heading: heading(o.plan, lookAround())}
	if !o.json {
		fmt.Fprintln(out, report.Heading)
	}
	var all []result
	failed := 0
	err := measureAll(ctx, groups(rows), o.plan, func(g group, ms []*measurement) error {
		results, bad := succeeded(ms)
		all = append(all, results...)
		failed += bad
		if err := report.add(g, results); err != nil {
			return err
		}
		return printResults(out, o, g, results)
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
	if err != nil || failed > 0 {
		return 1
	}
	return 0
}

// succeeded returns the results of ms, less those that failed, which it
// reports and counts.
func succeeded(ms []*measurement) (results []result, failed int) {
	for _, m := range ms {
		rs, err := m.results()
		if err = errors.Join(m.err, err); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", m.row.name(), err)
			failed++
			continue
		}
		results = append(results, rs...)
	}
	return results, failed
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

func heading(p plan, now usage) string {
	pinning := "processes not pinned"
	if cpus := cpuPair(); cpus != nil {
		pinning = fmt.Sprintf("processes pinned to CPUs %d and %d", cpus[0], cpus[1])
	}
	busy := ""
	if now.all > 0 {
		busy = fmt.Sprintf("; other processes have %.0f %% of these CPUs", 100*now.others())
	}
	return fmt.Sprintf("%s/%s, %s, %d CPUs, %s%s; medians of %d rounds",
		runtime.GOOS, runtime.GOARCH, runtime.Version(), runtime.NumCPU(), pinning, busy, p.rounds)
}
