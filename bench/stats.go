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
func (m *measurement) mergedTrips() (*hdrhistogram.Histogram, error) {
	var merged *hdrhistogram.Histogram
	for _, r := range m.rounds {
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

// A result is what -json prints of a row.
type result struct {
	Workload string  `json:"workload"`
	System   string  `json:"system"`
	Mode     string  `json:"mode"`
	Size     int     `json:"size"`
	Batch    int     `json:"batch"`
	Procs    int     `json:"procs"`
	Unit     string  `json:"unit"`
	Value    float64 `json:"value"` // median of the rounds
	Min      float64 `json:"min"`
	Max      float64 `json:"max"`
	// Percentiles of single round trips, over all rounds; absent elsewhere.
	P50  *int64 `json:"p50,omitempty"`
	P99  *int64 `json:"p99,omitempty"`
	P999 *int64 `json:"p999,omitempty"`

	trips *hdrhistogram.Histogram // what these percentiles are taken from
}

// result sums up the rounds; there must be at least one.
func (m *measurement) result() (result, error) {
	values := make([]float64, len(m.rounds))
	for i, r := range m.rounds {
		values[i] = r.value
	}
	r := result{
		Workload: m.row.Workload,
		System:   m.row.System,
		Mode:     m.row.Mode,
		Size:     m.row.Size,
		Batch:    m.row.Batch,
		Procs:    m.row.Procs,
		Unit:     m.row.unit(),
		Value:    median(values),
		Min:      slices.Min(values),
		Max:      slices.Max(values),
	}
	var err error
	if r.trips, err = m.mergedTrips(); r.trips != nil {
		at := func(q float64) *int64 {
			v := r.trips.ValueAtQuantile(q)
			return &v
		}
		r.P50, r.P99, r.P999 = at(50), at(99), at(99.9)
	}
	return r, err
}

// timesFaster says how many times better r is than base, in the same group.
func (r result) timesFaster(base result) float64 {
	if r.Unit == "msg/s" {
		return r.Value / base.Value
	}
	return base.Value / r.Value
}
