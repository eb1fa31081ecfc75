package segment

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/isthmus-go/isthmus/internal/layout"
)

const (
	// filePrefix starts the name of every segment file, and of no draft.
	filePrefix = "isthmus."

	maxSegmentName = 200
	// notInNames cannot be in a file name on one platform or another.
	notInNames = `/\:*?"<>|`

	// notAtEnd is what Windows leaves out at the end of a file name.
	notAtEnd = ". "
)

// checkName says what is wrong with the name of a segment.
func checkName(name string) error {
	if name == "." || name == ".." {
		return fmt.Errorf("name is a directory: %w", ErrName)
	}
	if i := strings.IndexAny(name, notInNames); i >= 0 {
		return fmt.Errorf("name contains %q: %w", name[i], ErrName)
	}
	if name != "" && strings.ContainsRune(notAtEnd, rune(name[len(name)-1])) {
		return fmt.Errorf("name ends with %q: %w", name[len(name)-1], ErrName)
	}
	return checkText(name, maxSegmentName)
}

// checkObjectName says what is wrong with the name of an object.
func checkObjectName(name string) error {
	return checkText(name, layout.MaxName)
}

func checkText(name string, most int) error {
	switch {
	case name == "":
		return fmt.Errorf("name is empty: %w", ErrName)
	case len(name) > most:
		return fmt.Errorf("name has %d bytes, the most is %d: %w", len(name), most, ErrName)
	case !utf8.ValidString(name):
		return fmt.Errorf("name is not UTF-8: %w", ErrName)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("name contains a control character: %w", ErrName)
	}
	return nil
}
