// Bounds checks two rules of this repository: package unsafe is imported only by
// files named *_unsafe*.go, and the library imports nothing but the standard
// library, golang.org/x/sys and github.com/edsrzf/mmap-go. It also keeps out cgo
// and go:linkname. Run it from the root of the repository.
package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const module = "github.com/isthmus-go/isthmus"

var allowed = []string{module, "golang.org/x/sys", "github.com/edsrzf/mmap-go"}

// programs are modules of their own.
var programs = []string{"bench/", "bridge/nats/", "cmd/isthmus/"}

func main() {
	var faults []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") {
			found, err := check(path)
			faults = append(faults, found...)
			return err
		}
		return nil
	})
	if err != nil {
		faults = append(faults, err.Error())
	}
	for _, f := range faults {
		fmt.Println(f)
	}
	if len(faults) > 0 {
		os.Exit(1)
	}
}

func check(path string) (faults []string, err error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	library := !strings.HasSuffix(path, "_test.go")
	for _, dir := range programs {
		library = library && !strings.HasPrefix(path, filepath.FromSlash(dir))
	}
	for _, spec := range file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		if name == "unsafe" && !strings.Contains(filepath.Base(path), "_unsafe") {
			faults = append(faults, path+": imports unsafe, and is not named *_unsafe.go")
		}
		if name == "C" {
			faults = append(faults, path+": uses cgo")
		}
		if library && !permitted(name) {
			faults = append(faults, fmt.Sprintf("%s: the library may not import %s", path, name))
		}
	}
	for _, group := range file.Comments {
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, "//go:linkname") {
				faults = append(faults, path+": uses go:linkname")
			}
		}
	}
	return faults, nil
}

// permitted reports whether the library may import the package.
func permitted(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	if !strings.Contains(first, ".") {
		return true // the standard library
	}
	for _, m := range allowed {
		if name == m || strings.HasPrefix(name, m+"/") {
			return true
		}
	}
	return false
}
