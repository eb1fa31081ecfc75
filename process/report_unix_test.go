//go:build unix

package process

import (
	"os"
	"testing"
)

// TestReportLate shows that what was reported is read even if its end is not waited for.
func TestReportLate(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if _, err := w.WriteString("c\x01text"); err != nil {
		t.Fatal(err)
	}
	hurry(r)
	if got, want := readReport(r), (report{true, "text", canceled}); got != want {
		t.Errorf("the report is %v, expected %v", got, want)
	}
}
