package outside

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/isthmus-go/isthmus/"
	user   = "example.org/user"
)

// A listing is what the compiler says of the user's module and of this one. Names of
// functions have no type arguments, and those of this module lack its path.
type listing struct {
	calls     map[string][]string // by function: what it calls, or jumps to
	users     []string            // the functions of the user's module
	instances []string            // the functions of this module that are compiled in the user's
	inlinable map[string]bool     // functions, not generic, that are inlined where the compiler has their body
}

// compile builds testdata/user in a module of its own. It needs no network: this
// module's dependencies are there, or the test would not run.
func compile(t *testing.T, env ...string) *listing {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/user")); err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	mod := fmt.Sprintf("module %s\n\ngo 1.26.0\n\nrequire %s v0.0.0\n\nreplace %[2]s => %q\n",
		user, strings.TrimSuffix(module, "/"), root)
	for name, text := range map[string]string{"go.mod": mod, "go.sum": string(sums)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command(goTool, "build",
		"-gcflags="+module+"...=-S -m", "-gcflags="+user+"=-S -m", ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "GOPROXY=off", "CGO_ENABLED=0")
	build.Env = append(build.Env, env...)
	out, err := build.CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out[max(0, len(out)-2000):])
	}
	return parse(string(out))
}

func parse(text string) *listing {
	l := &listing{calls: map[string][]string{}, inlinable: map[string]bool{}}
	var pkg, fn string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "# "); ok {
			pkg = name
		} else if _, name, ok := strings.Cut(line, ": can inline "); ok {
			if !strings.Contains(name, "[") { // not an instance
				l.inlinable[short(pkg+"."+name)] = true
			}
		} else if symbol, ok := operand(line, "TEXT"); ok {
			fn = short(symbol)
			if l.calls[fn] == nil {
				l.calls[fn] = []string{}
			}
			if pkg == user && strings.HasPrefix(symbol, user) {
				add(&l.users, fn)
			} else if pkg == user && strings.HasPrefix(symbol, module) {
				add(&l.instances, fn)
			}
		} else if symbol, ok := operand(line, "CALL"); ok {
			l.call(fn, short(symbol))
		} else if symbol, ok := operand(line, "JMP"); ok {
			l.call(fn, short(symbol))
		} else if strings.Contains(line, "\tCALL\t") {
			l.call(fn, "by register in "+fn)
		}
	}
	return l
}

// operand returns the symbol that a line's instruction names, if it is that instruction.
func operand(line, instruction string) (symbol string, ok bool) {
	if _, line, ok = strings.Cut(line, ")\t"+instruction+"\t"); !ok {
		return "", false
	}
	symbol, _, ok = strings.Cut(line, "(SB)")
	return symbol, ok
}

func (l *listing) call(fn, callee string) {
	calls := l.calls[fn]
	add(&calls, callee)
	l.calls[fn] = calls
}

func add(set *[]string, name string) {
	if !slices.Contains(*set, name) {
		*set = append(*set, name)
	}
}

// short returns a symbol's name without type arguments and the module's path.
func short(symbol string) string {
	var name strings.Builder
	depth := 0
	for _, r := range symbol {
		if r == '[' {
			depth++
		}
		if depth == 0 {
			io.WriteString(&name, string(r))
		}
		if r == ']' {
			depth--
		}
	}
	return strings.TrimPrefix(name.String(), module)
}
