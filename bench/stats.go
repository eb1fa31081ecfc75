package main

import (
	"slices"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Histograms hold 1 ns to 10 s to three digits.
func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, 10e9, 3) }

func encodeHistogram(nanos []int64) ([]byte, error) {
	h := newHistogram()
	for _, v := range nanos {
		if err := h.RecordValue(min(max(v, 1), h.HighestTrackableValue())); err != nil {
			return nil, err
		}
	}
	return h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
}

// histogram returns the single round trips that a side reports, encoded.
func (s sideReport) histogram() ([]byte, error) {
	if s.Hist != nil {
		return s.Hist, nil
	}
	return encodeHistogram(s.Trips)
}

// mergedTrips returns the round trips of all rounds, or nil if there are none.
func mergedTrips(rounds []roundResult) (*hdrhistogram.Histogram, error) {
	var merged *hdrhistogram.Histogram
	for _, r := range rounds {
		if r.trips == nil {
			continue
		}
		h, err := hdrhistogram.Decode(r.trips)
		if err != nil {
			return nil, err
		}
		if merged == nil {
			merged = newHistogram()
		}
		merged.Merge(h)
	}
	return merged, nil
}

// median returns the middle of values, which it leaves as they are.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// A result is what -json prints of the rounds of a row that are of one distance.
type result struct {
	Workload string   `json:"workload"`
	System   string   `json:"system"`
	Mode     string   `json:"mode"`
	Size     int      `json:"size"`
	Batch    int      `json:"batch"`
	Procs    int      `json:"procs"`
	Unit     string   `json:"unit"`
	Value    float64  `json:"value"` // median of the rounds
	Min      float64  `json:"min"`
	Max      float64  `json:"max"`
	CPUs     distance `json:"cpus"`
	Limit    float64  `json:"limit"`  // median of what was measured beside the rounds, in nanoseconds
	Others   float64  `json:"others"` // the share of the CPUs that other processes had
	// Percentiles of single round trips, over all rounds; absent elsewhere.
	P50  *int64 `json:"p50,omitempty"`
	P99  *int64 `json:"p99,omitempty"`
	P999 *int64 `json:"p999,omitempty"`

	trips *hdrhistogram.Histogram // what these percentiles are taken from
}

// results sums up the rounds, those of each distance by themselves.
func (m *measurement) results() ([]result, error) {
	var results []result
	for _, d := range distances {
		rounds := slices.DeleteFunc(slices.Clone(m.rounds), func(r roundResult) bool { return r.distance() != d })
		if len(rounds) == 0 {
			continue
		}
		r, err := m.row.result(d, rounds)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}

// result sums up rounds of one distance.
func (r row) result(d distance, rounds []roundResult) (result, error) {
	var values, limits []float64
	var used usage
	for _, x := range rounds {
		values = append(values, x.value)
		limits = append(limits, x.limits[:]...)
		used = used.plus(x.usage)
	}
	sum := result{
		Workload: r.Workload,
		System:   r.System,
		Mode:     r.Mode,
		Size:     r.Size,
		Batch:    r.Batch,
		Procs:    r.Procs,
		Unit:     r.unit(),
		Value:    median(values),
		Min:      slices.Min(values),
		Max:      slices.Max(values),
		CPUs:     d,
		Limit:    median(limits),
		Others:   used.others(),
	}
	var err error
	if sum.trips, err = mergedTrips(rounds); sum.trips != nil {
		at := func(q float64) *int64 {
			v := sum.trips.ValueAtQuantile(q)
			return &v
		}
		sum.P50, sum.P99, sum.P999 = at(50), at(99), at(99.9)
	}
	return sum, err
}

// sameRow reports whether r and x are of one row.
func (r result) sameRow(x result) bool {
	return r.Workload == x.Workload && r.System == x.System && r.Mode == x.Mode &&
		r.Size == x.Size && r.Batch == x.Batch && r.Procs == x.Procs
}

// timesFaster says how many times better r is than base, in the same group and
// at the same distance.
func (r result) timesFaster(base result) float64 {
	if r.Unit == "msg/s" {
		return r.Value / base.Value
	}
	return base.Value / r.Value
}
