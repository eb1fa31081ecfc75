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

// edited are the files that are copied, with what has to be found there: if it has
// got another name, the copies would do without the scheduler.
var edited = map[string][]string{
	"ring/*.go": {
		"atomic.LoadUint32", "atomic.StoreUint32", "atomic.CompareAndSwapUint32",
		"atomic.LoadUint64", "atomic.StoreUint64", "atomic.CompareAndSwapUint64", "arch.StoreRelease64",
	},
	"internal/wait/*.go": {
		"atomic.LoadUint32", "atomic.CompareAndSwapUint32", "futex.Wake", "futex.WaitUntil", "e.fence.Barrier", "time.Now", "select",
	},
	"shm/cond*.go": {
		"atomic.LoadUint64", "atomic.CompareAndSwapUint64", "atomic.AddUint64", "arch.StoreRelease64", "s.mu.Lock", "s.casting.Lock", "select",
	},
	"internal/ownerlock/*.go":       {"atomic.LoadUint64", "atomic.CompareAndSwapUint64", "arch.StoreRelease64"},
	"internal/ledger/*.go":          {"atomic.LoadUint64", "atomic.OrUint64", "arch.StoreRelease64"},
	"internal/liveness/liveness.go": {"os.Getpid"},
}

// added are tests whose package has their exported methods in the copies.
var added = []string{"shm/cond_export_test.go"}

// own are words that a process remembers something in for itself.
var own = regexp.MustCompile(`^&s\.(last|stopped)$`)

// redirected is what the copies have from package sim instead. What sim does not have does
// not compile.
var redirected = regexp.MustCompile(`^(atomic\..*Uint(32|64)|arch\.StoreRelease64|futex\.(Wake|Wait.*|Native.*)|.*\.Barrier|time\.(Now|Since)|os\.Getpid|s\.(mu|casting)\.Lock)$`)

// waits are selects that wait, of a file, in which everybody is an agent.
var waits = []string{"event.go", "condstate.go"}

// overlay writes the copies, and returns the file that tells the go command of them.
func overlay(t *testing.T) string {
	root := proctest.Must(filepath.Abs("../.."))(t)
	dir := t.TempDir()
	replace := map[string]string{}
	for pattern, wanted := range edited {
		var found []string
		for _, path := range proctest.Must(filepath.Glob(filepath.Join(root, pattern)))(t) {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			text, calls := edit(t, path)
			if len(calls) == 0 {
				continue
			}
			found = append(found, calls...)
			replace[path] = filepath.Join(dir, strings.ReplaceAll(filepath.Dir(pattern), "/", "-")+"-"+filepath.Base(path))
			proctest.Check(t, os.WriteFile(replace[path], text, 0o600))
		}
		for _, w := range wanted {
			if !slices.Contains(found, w) {
				t.Fatalf("%s has no %s any more", pattern, w)
			}
		}
	}
	for _, name := range added {
		path := filepath.Join(root, name)
		replace[strings.TrimSuffix(path, "_test.go")+".go"] = path
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
		if sel, ok := n.(*ast.SelectStmt); ok && slices.Contains(waits, filepath.Base(path)) {
			to = append(to, src[done:at(sel.Pos())]...)
			to = append(to, "switch sim.Choose("...)
			for _, clause := range sel.Body.List {
				to = append(to, ready(clause.(*ast.CommClause).Comm, text)...)
			}
			to = append(to, ") { default: panic(0);"...)
			done = at(sel.Body.Lbrace) + 1
			for i, clause := range sel.Body.List {
				comm := clause.(*ast.CommClause).Comm
				to = append(to, src[done:at(comm.Pos())]...)
				to = fmt.Appendf(to, "%d: %s", i, text(comm))
				done = at(clause.(*ast.CommClause).Colon) + 1
			}
			calls = append(calls, "select")
			return true
		}
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		name := text(sel)
		if name == "os.Getpid" && !strings.HasSuffix(string(src[:at(sel.Pos())]), "firstSlot = ") {
			return true
		}
		if !redirected.MatchString(name) || len(call.Args) > 0 && own.MatchString(text(call.Args[0])) {
			return true
		}
		to = append(to, src[done:at(sel.Pos())]...)
		to = append(to, "sim."+sel.Sel.Name...)
		done = at(sel.End())
		calls = append(calls, name)
		switch sel.Sel.Name {
		case "Lock":
			to = fmt.Appendf(to, "(&%s)", text(sel.X))
			done = at(call.End())
		case "Barrier":
		default:
			used += "\nvar _ = " + name
		}
		return true
	})
	to = append(to, src[done:]...)
	return append(to, used...), calls
}

// ready returns a function for whether a case of a select can go on, as an argument.
func ready(comm ast.Stmt, text func(ast.Node) string) string {
	call := ""
	switch comm := comm.(type) {
	case *ast.SendStmt:
		call = "sim.Room(" + text(comm.Chan) + ")"
	case *ast.ExprStmt:
		call = "sim.Ready(" + text(comm.X.(*ast.UnaryExpr).X) + ")"
	}
	return "func() bool { return " + call + " }, "
}
