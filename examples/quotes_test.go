// Package examples holds programs that use the module. The texts quote them.
package examples

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var quote = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// TestQuotes wants each piece of Go in the README and in docs to be part of an example,
// whatever it is indented by.
func TestQuotes(t *testing.T) {
	var sources []string
	collect := func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			var b []byte
			b, err = os.ReadFile(path)
			sources = append(sources, flush(string(b)))
		}
		return err
	}
	if err := errors.Join(filepath.WalkDir(".", collect), filepath.WalkDir("../bridge/nats/example", collect)); err != nil {
		t.Fatal(err)
	}
	texts, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range append(texts, "../README.md") {
		b, err := os.ReadFile(text)
		if err != nil {
			t.Fatal(err)
		}
		quotes := quote.FindAllStringSubmatch(string(b), -1)
		if len(quotes) == 0 && filepath.Base(text) != "FORMAT.md" { // which is not for Go
			t.Errorf("%s has no Go", text)
		}
		for _, q := range quotes {
			if !contained(sources, flush(q[1])) {
				t.Errorf("%s shows what no example has:\n%s", text, q[1])
			}
		}
	}
}

// flush removes the tabs that lines begin with.
func flush(s string) string { return regexp.MustCompile(`(?m)^\t+`).ReplaceAllString(s, "") }

func contained(sources []string, part string) bool {
	for _, s := range sources {
		if strings.Contains(s, part) {
			return true
		}
	}
	return false
}
