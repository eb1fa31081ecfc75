package layout

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// The text of a plain type (docs/FORMAT.md, F17) says what it is made of, for messages and tools:
//
//	type  = kind | "[" length "]" type | "{" [ field { "," field } ] "}"
//	field = name " " offset " " type
//
// as in {ID 0 uint64,Legs 8 [2]{Price 0 float64,Size 8 int32}}. Offsets are in bytes from
// the start of the struct. A text of more than maxText bytes is cut behind a field.
//
// A directory entry has it beside the name of the type. If the two are the same, the
// name will do; if they do not fit, the text lies behind the object, in its room.
// Nothing that is decided depends on it.

// maxText bounds a text.
const maxText = 4096

// textOf returns the text of a plain type.
func textOf(t reflect.Type) string {
	s := string(appendText(nil, t))
	if len(s) > maxText {
		s = s[:strings.LastIndexAny(s[:maxText], ",{")+1]
	}
	return s
}

func appendText(b []byte, t reflect.Type) []byte {
	switch t.Kind() {
	case reflect.Array:
		b = strconv.AppendInt(append(b, '['), int64(t.Len()), 10)
		return appendText(append(b, ']'), t.Elem())
	case reflect.Struct:
		b = append(b, '{')
		for i := 0; i < t.NumField() && len(b) <= maxText; i++ {
			if i > 0 {
				b = append(b, ',')
			}
			f := t.Field(i)
			b = strconv.AppendUint(append(append(b, f.Name...), ' '), uint64(f.Offset), 10)
			b = appendText(append(b, ' '), f.Type)
		}
		return append(b, '}')
	default:
		return append(b, t.Kind().String()...)
	}
}

// Behind returns what of the text lies behind an object with elements of type t.
func (t Type) Behind() string {
	if t.Text == t.Name && len(t.Name) <= maxTypeName || len(t.Name)+1+len(t.Text) <= maxTypeName {
		return ""
	}
	return t.Text
}

// beside returns what of the text lies beside the name of t.
func (t Type) beside() string {
	if t.Behind() != "" || t.Text == t.Name {
		return ""
	}
	return t.Text
}

// Room returns how many bytes of the arena an object takes that has size bytes, and
// elements of type t. The size is at most MaxFile.
func Room(size uint64, t Type) uint64 { return AlignObject(size + uint64(len(t.Behind()))) }

// SetType describes the elements.
func (e *Entry) SetType(t Type) {
	e.Fingerprint, e.ElemSize = t.Fingerprint, uint64(t.Size)
	e.TypeName, e.TypeText, e.TextLen = t.Name, t.beside(), uint32(len(t.Behind()))
}

// Text returns the text of the elements' type, where room is the entry's room.
func (e Entry) Text(room []byte) string {
	switch end := e.Size + uint64(e.TextLen); {
	case e.TextLen == 0 && e.TypeText == "":
		return e.TypeName
	case e.TextLen == 0:
		return e.TypeText
	case e.TextLen > maxText || end < e.Size || end > uint64(len(room)):
		return ""
	default:
		return text(room[e.Size:end])
	}
}

// Part is one part of a type: the whole, a field, or the elements of an array.
type Part struct {
	Path string // "" of the whole
	Type string // "struct", a kind, or an array of them
	Off  uint64 // from the start of the whole
}

func (p Part) what() string { return fmt.Sprintf("%s at offset %d", p.Type, p.Off) }

func (p Part) String() string { return fmt.Sprintf("field %q (%s)", p.Path, p.what()) }

// Difference says what is the first part in which the text of a type that exists differs
// from that of another that is asked for; "" if it is none that they mention. Both may be
// anything.
func Difference(exists, asked string) string {
	have, want := Parts(exists), Parts(asked)
	for i := range max(len(have), len(want)) {
		switch {
		case i == len(have):
			if strings.HasSuffix(exists, ",") { // was cut
				return ""
			}
			return fmt.Sprintf("%v does not exist", want[i])
		case i == len(want):
			if strings.HasSuffix(asked, ",") {
				return ""
			}
			return fmt.Sprintf("%v exists, and was not asked for", have[i])
		case have[i] == want[i]:
		case have[i].Path == "" || want[i].Path == "":
			return fmt.Sprintf("%s exists, asked for %s", have[i].Type, want[i].Type)
		case have[i].Path == want[i].Path:
			return fmt.Sprintf("field %q: %s exists, asked for %s", have[i].Path, have[i].what(), want[i].what())
		default:
			return fmt.Sprintf("%v exists, asked for %v", have[i], want[i])
		}
	}
	return ""
}

// Parts returns the parts of a type in order, as far as its text can be read.
func Parts(text string) (parts []Part) {
	p := parser{rest: text}
	p.typ("", 0, &parts)
	return parts
}

// parser reads a text that may be anything. It stops at what it does not know.
type parser struct {
	rest  string
	bad   bool
	paths int // bytes of paths: they are the longer the deeper a text of nonsense goes
}

// maxPaths bounds the paths of a text.
const maxPaths = 8 * maxText

// until returns what comes before the next of some characters, and moves on to that.
func (p *parser) until(chars string) string {
	i := strings.IndexAny(p.rest, chars)
	if i < 0 {
		i = len(p.rest)
	}
	s := p.rest[:i]
	p.rest = p.rest[i:]
	return s
}

// word is until for what is made of small letters and digits.
func (p *parser) word(chars string) string {
	s := p.until(chars)
	p.bad = p.bad || s == "" || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") != ""
	return s
}

// skip moves on behind a character, and reports whether it was there.
func (p *parser) skip(c string) (ok bool) {
	p.rest, ok = strings.CutPrefix(p.rest, c)
	return ok
}

func (p *parser) typ(path string, off uint64, parts *[]Part) {
	at := Part{Path: path, Off: off}
	if p.paths += len(path); p.paths > maxPaths {
		p.bad = true
		return
	}
	for p.skip("[") {
		at.Type += "[" + p.word("]") + "]"
		path += "[]"
		p.skip("]")
	}
	if !p.skip("{") {
		at.Type += p.word(",}")
		if !p.bad {
			*parts = append(*parts, at)
		}
		return
	}
	if p.bad {
		return
	}
	at.Type += "struct"
	*parts = append(*parts, at)
	for !p.bad && p.rest != "" && !p.skip("}") {
		name := p.until(" ")
		p.skip(" ")
		n, err := strconv.ParseUint(p.until(" "), 10, 64)
		if p.bad = err != nil || !p.skip(" "); p.bad {
			return
		}
		if path != "" {
			name = path + "." + name
		}
		p.typ(name, off+n, parts)
		p.skip(",")
	}
}
