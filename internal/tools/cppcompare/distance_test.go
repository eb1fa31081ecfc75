//go:build linux

package main

import "testing"

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		before, after float64
		want          distance
	}{
		{90, 110, near},
		{350, 600, far},
		{200, 200, far},
		{90, 350, mixed},
		{350, 90, mixed},
	} {
		if got := distanceOf(c.before, c.after); got != c.want {
			t.Errorf("%v and %v ns: %s, want %s", c.before, c.after, got, c.want)
		}
	}
}
