package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
)

// charts draws what there is of results, each distance of the CPUs in charts
// of its own. Rounds in which it changed are in none.
func charts(results []result) []chart {
	kinds := slices.DeleteFunc(distancesOf(results), func(d distance) bool { return d == mixed })
	var all []chart
	for _, d := range kinds {
		for _, c := range chartsOf(at(d, results)) {
			if len(kinds) > 1 {
				c.name += "-" + string(d)
				c.title += ", CPUs " + string(d)
			}
			all = append(all, c)
		}
	}
	return all
}

// chartsOf draws results that may be compared. A chart that would have no line
// is left out.
func chartsOf(results []result) []chart {
	all := []chart{
		{name: "roundtrip", title: "Round trip of 8 bytes, by percentile",
			x: percentiles, y: axis{label: "latency", format: nanosText},
			series: distributions(results, roundtrip)},
		{name: "loaded", title: "The same, while another process computes on the same CPUs",
			x: percentiles, y: axis{label: "latency", format: nanosText},
			series: distributions(results, loaded)},
		{name: "throughput", title: "Throughput by message size, one by one",
			x: axis{label: "bytes in a message"}, y: axis{label: "bytes a second", format: rateText},
			series: curves(results, func(r result) (x, y float64, ok bool) {
				return float64(r.Size), r.Value * float64(r.Size), r.Workload == stream && r.Batch == 1 && r.Procs <= 2
			})},
		{name: "batch", title: "Throughput by batch, messages of 8 bytes",
			x: axis{label: "messages in a batch"}, y: axis{label: "messages a second", format: rateText},
			series: curves(results, func(r result) (x, y float64, ok bool) {
				return float64(r.Batch), r.Value, r.Workload == stream && r.Size == 8 && r.Procs <= 2
			})},
		{name: "capacity", title: "Throughput by capacity, messages of 8 bytes, one by one or by 256",
			x: axis{label: "slots of the ring"}, y: axis{label: "messages a second", format: rateText},
			series: curves(results, func(r result) (x, y float64, ok bool) {
				_, err := fmt.Sscanf(r.Mode, "slots-%g", &x)
				return x, r.Value, r.Workload == capacity && err == nil
			})},
		{name: "contention", title: "Lock and unlock, acquire and release, by contenders",
			x: axis{label: "sides, on two CPUs"}, y: axis{label: "time from one pair to the next, whoever does it", format: nanosText},
			series: curves(results, func(r result) (x, y float64, ok bool) {
				return float64(r.Procs), r.Value, r.Workload == lock || r.Workload == sem && r.System == "semaphore"
			})},
		{name: "shared", title: "One queue for all, messages of 8 bytes, one by one",
			x: axis{label: "sides, on two CPUs"}, y: axis{label: "messages a second", format: rateText},
			series: curves(results, func(r result) (x, y float64, ok bool) {
				return float64(r.Procs), r.Value, r.Workload == shared && r.Size == 8 && r.Batch == 1
			})},
	}
	all = slices.DeleteFunc(all, func(c chart) bool { return len(c.series) == 0 })
	for i := range all {
		if all[i].x.ticks == nil {
			all[i].x.ticks = countTicks(all[i].series)
		}
	}
	return all
}

// percentiles is an axis on which each step to the right leaves a tenth of
// the trips.
var percentiles = axis{label: "percentile", linear: true, ticks: []plot.Tick{
	{Value: nines(50), Label: "50 %"},
	{Value: nines(90), Label: "90 %"},
	{Value: nines(99), Label: "99 %"},
	{Value: nines(99.9), Label: "99.9 %"},
	{Value: nines(99.99), Label: "99.99 %"},
}}

func nines(percentile float64) float64 { return -math.Log10(1 - percentile/100) }

// distributions are the round trips that systems make by themselves, in mode
// default, and the limit's.
func distributions(results []result, workload string) []series {
	var lines []series
	for _, r := range results {
		if r.Workload != workload || r.trips == nil || r.Mode != "default" && r.row() != "limit spin" {
			continue
		}
		s := series{label: r.System, system: r.System}
		for _, q := range []float64{5, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99} {
			// A percentile of fewer trips than that is one of chance.
			if float64(r.trips.TotalCount())*(1-q/100) >= 5 {
				s.points = append(s.points, plotter.XY{X: nines(q), Y: float64(r.trips.ValueAtQuantile(q))})
			}
		}
		if len(s.points) > 1 {
			lines = append(lines, s)
		}
	}
	return lines
}

func (r result) row() string { return strings.TrimSpace(r.System + " " + r.Mode) }

// curves makes a line of two points or more for each system and mode, of the
// results that at takes.
func curves(results []result, at func(result) (x, y float64, ok bool)) []series {
	var lines []series
	for _, r := range results {
		x, y, ok := at(r)
		if !ok {
			continue
		}
		label := r.row()
		if r.Workload == capacity {
			label = fmt.Sprintf("%s, by %d", r.System, r.Batch)
		}
		i := slices.IndexFunc(lines, func(s series) bool { return s.label == label })
		if i < 0 {
			i = len(lines)
			lines = append(lines, series{label: label, system: r.System, dashed: r.Mode == "zerocopy" || r.Mode == "lossless-1" || r.Mode == split || r.Workload == capacity && r.Batch > 1})
		}
		lines[i].points = append(lines[i].points, plotter.XY{X: x, Y: y})
	}
	lines = slices.DeleteFunc(lines, func(s series) bool { return len(s.points) < 2 })
	for _, s := range lines {
		slices.SortFunc(s.points, func(a, b plotter.XY) int { return cmp.Compare(a.X, b.X) })
	}
	return lines
}

// countTicks labels the values of x that there are.
func countTicks(lines []series) []plot.Tick {
	var ticks []plot.Tick
	for _, s := range lines {
		for _, p := range s.points {
			if !slices.ContainsFunc(ticks, func(t plot.Tick) bool { return t.Value == p.X }) {
				ticks = append(ticks, plot.Tick{Value: p.X, Label: countText(p.X)})
			}
		}
	}
	slices.SortFunc(ticks, func(a, b plot.Tick) int { return cmp.Compare(a.Value, b.Value) })
	return ticks
}

// countText writes a count, or a size, with a binary prefix.
func countText(v float64) string {
	switch n := int64(v); {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d Mi", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d Ki", n>>10)
	default:
		return fmt.Sprint(n)
	}
}

// nanosText writes a round figure of a time: "20 µs".
func nanosText(v float64) string {
	for _, p := range []struct {
		unit float64
		name string
	}{{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}} {
		if v >= p.unit {
			return fmt.Sprintf("%.0f %s", v/p.unit, p.name)
		}
	}
	return fmt.Sprintf("%.0f ns", v)
}

// rateText writes a round figure of a rate with a decimal prefix: "20 M".
func rateText(v float64) string {
	for _, p := range []struct {
		unit   float64
		prefix string
	}{{1e9, " G"}, {1e6, " M"}, {1e3, " k"}} {
		if v >= p.unit {
			return fmt.Sprintf("%.0f%s", v/p.unit, p.prefix)
		}
	}
	return fmt.Sprintf("%.0f", v)
}
