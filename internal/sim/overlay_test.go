package sim_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

const module = "github.com/isthmus-go/isthmus"

// edited are the packages whose files are copied, with what has to be found there: if it has
// got another name, the copies would do without the scheduler.
var edited = map[string][]string{
	"ring": {
		"atomic.LoadUint32", "atomic.StoreUint32", "atomic.CompareAndSwapUint32",
		"atomic.LoadUint64", "atomic.StoreUint64", "atomic.CompareAndSwapUint64", "arch.StoreRelease64",
	},
	"internal/wait": {
		"atomic.LoadUint32", "atomic.CompareAndSwapUint32", "futex.Wake", "futex.WaitUntil", "e.fence.Barrier",
	},
}

// own are words that a process remembers something in for itself.
var own = regexp.MustCompile(`^&s\.(last|stopped)$`)

// redirected is what the copies have from package sim instead. What sim does not have does
// not compile.
var redirected = regexp.MustCompile(`^(atomic\..*Uint(32|64)|arch\.StoreRelease64|futex\.(Wake|Wait.*|Native.*)|.*\.Barrier)$`)

// overlay writes the copies, and returns the file that tells the go command of them.
func overlay(t *testing.T) string {
	root := proctest.Must(filepath.Abs("../.."))(t)
	dir := t.TempDir()
	replace := map[string]string{}
	for pkg, wanted := range edited {
		var found []string
		for _, path := range proctest.Must(filepath.Glob(filepath.Join(root, pkg, "*.go")))(t) {
			name := pkg + "/" + filepath.Base(path)
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			text, calls := edit(t, path)
			if len(calls) == 0 {
				continue
			}
			found = append(found, calls...)
			replace[path] = filepath.Join(dir, strings.ReplaceAll(name, "/", "-"))
			proctest.Check(t, os.WriteFile(replace[path], text, 0o600))
		}
		for _, w := range wanted {
			if !slices.Contains(found, w) {
				t.Fatalf("%s has no %s any more", pkg, w)
			}
		}
	}
	file := filepath.Join(dir, "overlay.json")
	proctest.Check(t, os.WriteFile(file, proctest.Must(json.Marshal(map[string]any{"Replace": replace}))(t), 0o600))
	return file
}

// edit returns the text of a file in which calls are redirected, line by line the same, and
// which calls those were.
func edit(t *testing.T, path string) (to []byte, calls []string) {
	src := proctest.Must(os.ReadFile(path))(t)
	fset := token.NewFileSet()
	file := proctest.Must(parser.ParseFile(fset, path, src, parser.SkipObjectResolution))(t)
	at := func(p token.Pos) int { return fset.Position(p).Offset }
	text := func(n ast.Node) string { return string(src[at(n.Pos()):at(n.End())]) }
	done := at(file.Name.End())
	to = fmt.Appendf(to, "%s; import %q", src[:done], module+"/internal/sim")
	var used string // so that no import is left unused
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		name := text(sel)
		if !redirected.MatchString(name) || len(call.Args) > 0 && own.MatchString(text(call.Args[0])) {
			return true
		}
		to = append(to, src[done:at(sel.Pos())]...)
		to = append(to, "sim."+sel.Sel.Name...)
		done = at(sel.End())
		calls = append(calls, name)
		if !strings.HasSuffix(name, ".Barrier") {
			used += "\nvar _ = " + name
		}
		return true
	})
	to = append(to, src[done:]...)
	return append(to, used...), calls
}
