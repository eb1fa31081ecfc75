//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"errors"
	"fmt"
	"strings"
)

// result is what an operation returns.
type result struct {
	values []uint64
	err    error
}

// did and failed make results.
func did(values ...uint64) result { return result{values: values} }

func failed(err error, values ...uint64) result { return result{values, err} }

// truth is a bool among values.
func truth(ok bool) []uint64 {
	if ok {
		return []uint64{1}
	}
	return []uint64{0}
}

// codes are the errors that a test wants to tell apart.
var codes = map[string]error{}

func errorCode(err error) string {
	for code, e := range codes {
		if errors.Is(err, e) {
			return code
		}
	}
	return "other"
}

// String is how a process tells another.
func (r result) String() string {
	if r.err != nil {
		return fmt.Sprint(joined(r.values), " error ", errorCode(r.err), " ", r.err)
	}
	return joined(r.values)
}

func joined(values []uint64) string { return strings.Trim(fmt.Sprint(values), "[]") }

// parse undoes String.
func parse(line string) (r result) {
	for fields := strings.Fields(line); len(fields) > 0; fields = fields[1:] {
		if fields[0] == "error" {
			r.err = fmt.Errorf("%s", line)
			if len(fields) > 1 && codes[fields[1]] != nil {
				r.err = codes[fields[1]]
			}
			return r
		}
		var x uint64
		if _, err := fmt.Sscan(fields[0], &x); err != nil {
			r.err = fmt.Errorf("unintelligible: %q", line)
			return r
		}
		r.values = append(r.values, x)
	}
	return r
}
