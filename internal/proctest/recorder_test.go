package proctest_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

// A recorder is a testing.TB that keeps what a test would have failed with.
type recorder struct {
	testing.TB
	out      strings.Builder
	failed   bool
	cleanups []func()
}

// record runs f as a test would be run, and returns what it recorded.
func record(f func(t testing.TB)) (r *recorder) {
	r = new(recorder)
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	r.finish()
	return r
}

func (r *recorder) finish() {
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
}

func (r *recorder) Helper()          {}
func (r *recorder) Failed() bool     { return r.failed }
func (r *recorder) Skipped() bool    { return false }
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) Setenv(key, value string) {
	old, ok := os.LookupEnv(key)
	os.Setenv(key, value)
	r.Cleanup(func() {
		if ok {
			os.Setenv(key, old)
		} else {
			os.Unsetenv(key)
		}
	})
}

func (r *recorder) Logf(format string, args ...any) {
	fmt.Fprintf(&r.out, format+"\n", args...)
}

func (r *recorder) Errorf(format string, args ...any) {
	r.failed = true
	r.Logf(format, args...)
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}
