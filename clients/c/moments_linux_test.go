//go:build amd64 && !isthmus_nofutex

package c_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

// TestMoments runs testdata/moments.c: forks at bad moments, and refusals of the kernel.
func TestMoments(t *testing.T) {
	binary := compile(t, "gcc", "testdata/moments.c", "-std=c11", "-O1", "-g")
	checked := compile(t, "gcc", "testdata/moments.c", "-std=c11", "-O0", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
	for what, program := range map[string]string{"marks": binary, "close": binary, "open": binary, "limit": binary, "last": binary, "text": checked} {
		t.Run(what, func(t *testing.T) {
			proctest.Dir(t)
			run(t, program, what)
		})
	}
}
