package golden

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

// TestRules checks that docs/FORMAT.md numbers its rules from 1 on, refers only to such as it
// has, and is about the present version; and that the sources cite only such.
func TestRules(t *testing.T) {
	root := filepath.Join("..", "..")
	text := string(proctest.Must(os.ReadFile(filepath.Join(root, "docs", "FORMAT.md")))(t))
	rules := map[string]bool{}
	for _, m := range regexp.MustCompile(`\*\*(F\d+)\.`).FindAllStringSubmatch(text, -1) {
		rules[m[1]] = true
		if want := fmt.Sprint("F", len(rules)); m[1] != want {
			t.Errorf("rule %s, expected %s", m[1], want)
		}
	}
	cited := regexp.MustCompile(`\bF\d+\b`)
	for _, rule := range cited.FindAllString(text, -1) {
		if !rules[rule] {
			t.Errorf("FORMAT.md refers to %s, which it does not have", rule)
		}
	}
	if !strings.Contains(text, fmt.Sprintf("version %d of the layout", layout.Version)) {
		t.Errorf("FORMAT.md is not about version %d", layout.Version)
	}
	citation := regexp.MustCompile(`FORMAT\.md, (F\d+(?:(?:,| and| to) F\d+)*)`)
	citations := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return errorOr(err, fs.SkipDir)
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		source, err := os.ReadFile(path)
		for _, m := range citation.FindAllStringSubmatch(string(source), -1) {
			for _, rule := range cited.FindAllString(m[1], -1) {
				if citations++; !rules[rule] {
					t.Errorf("%s cites %s, which FORMAT.md does not have", path, rule)
				}
			}
		}
		return err
	})
	if err != nil || citations == 0 {
		t.Error(citations, err)
	}
}

func errorOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}
