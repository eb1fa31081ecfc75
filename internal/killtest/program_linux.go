//go:build amd64 || arm64

package killtest

import (
	"cmp"
	"debug/dwarf"
	"debug/elf"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// A Program says where the instruction at an address is. A Place without a function is not
// the program's.
type Program func(pc uint64) Place

// A Place is a line of a program's source.
type Place struct {
	Function string
	File     string
	Line     int
}

// owns reports whether the instruction is one of the program, and not of the Go runtime, or
// of a library.
func (p Program) owns(pc uint64) bool {
	if pc >= textEnd {
		return false
	}
	name := p(pc).Function
	return name != "" && !strings.HasPrefix(name, "runtime.") && !strings.HasPrefix(name, "internal/runtime/")
}

// Self is the program that this process executes, in Go.
func Self(pc uint64) (at Place) {
	if f := runtime.FuncForPC(uintptr(pc)); f != nil {
		at.Function = f.Name()
		at.File, at.Line = f.FileLine(uintptr(pc))
	}
	return at
}

// C returns the program in that file, which gcc has made of C, with -g and at fixed
// addresses. The function of an instruction is the one that its line is in, inlined or not.
func C(path string) (Program, error) {
	file, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := file.DWARF()
	if err != nil {
		return nil, err
	}
	lines, err := linesOf(data)
	if err != nil {
		return nil, err
	}
	functions := map[string][]string{}
	return func(pc uint64) (at Place) {
		i, found := slices.BinarySearchFunc(lines, pc, func(e dwarf.LineEntry, pc uint64) int { return cmp.Compare(e.Address, pc) })
		if !found {
			i--
		}
		if i < 0 || lines[i].EndSequence {
			return at
		}
		at.File, at.Line = lines[i].File.Name, lines[i].Line
		names, ok := functions[at.File]
		if !ok {
			names = functionsOf(at.File)
			functions[at.File] = names
		}
		at.Function = "?"
		if at.Line < len(names) {
			at.Function = names[at.Line]
		}
		return at
	}, nil
}

// linesOf returns the table of lines, by address, with the last of those that have the same.
func linesOf(data *dwarf.Data) (lines []dwarf.LineEntry, err error) {
	for units := data.Reader(); ; units.SkipChildren() {
		unit, err := units.Next()
		if err != nil {
			return nil, err
		}
		if unit == nil {
			break
		}
		table, err := data.LineReader(unit)
		if err != nil {
			return nil, err
		}
		for table != nil {
			var e dwarf.LineEntry
			if table.Next(&e) != nil {
				break
			}
			if n := len(lines); n > 0 && lines[n-1].Address == e.Address {
				lines = lines[:n-1]
			}
			lines = append(lines, e)
		}
	}
	slices.SortStableFunc(lines, func(a, b dwarf.LineEntry) int { return cmp.Compare(a.Address, b.Address) })
	return lines, nil
}

var definition = regexp.MustCompile(`^(?:static|int) [^;=]*?(\w+)\(`)

// functionsOf returns the function that each line of a source is in: whose definition begins
// a line before it.
func functionsOf(path string) (names []string) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	names = append(names, "?")
	for _, line := range strings.Split(string(text), "\n") {
		now := names[len(names)-1]
		if m := definition.FindStringSubmatch(line); m != nil {
			now = m[1]
		}
		names = append(names, now)
	}
	return names
}
