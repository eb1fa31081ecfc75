package mapping

import (
	"bytes"
	"errors"
	"io"
	"os"
	"runtime"
	"testing"
)

const size = 3 * 65536

func tempFile(t *testing.T) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	return f
}

func mustMap(t *testing.T, f *os.File) *Mapping {
	t.Helper()
	m, err := Map(f, size)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMap(t *testing.T) {
	f := tempFile(t)
	a, b := mustMap(t, f), mustMap(t, f)
	if len(a.Bytes()) != size || len(b.Bytes()) != size {
		t.Fatalf("mapped %d and %d bytes of %d", len(a.Bytes()), len(b.Bytes()), size)
	}
	a.Bytes()[size-1] = 42
	if b.Bytes()[size-1] != 42 {
		t.Error("two mappings of a file are not shared")
	}
	for _, m := range []*Mapping{a, b} {
		if err := m.Unmap(); err != nil {
			t.Error(err)
		}
	}
}

func TestSever(t *testing.T) {
	if !Severs() {
		t.Skip("this platform cannot replace a mapping")
	}
	f := tempFile(t)
	a, b := mustMap(t, f), mustMap(t, f)
	mem := a.Bytes()
	for i := range mem {
		mem[i] = 1
	}
	if err := a.Sever(); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && !bytes.Equal(mem, make([]byte, size)) {
		t.Error("severed memory is not zero")
	}
	for i := range mem {
		mem[i] = 2
	}
	want := bytes.Repeat([]byte{1}, size)
	if !bytes.Equal(b.Bytes(), want) {
		t.Error("a store to severed memory reached another mapping")
	}
	if err := a.Unmap(); err != nil {
		t.Error(err)
	}
	if err := b.Unmap(); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, want) {
		t.Errorf("a store to severed memory reached the file (%v)", err)
	}
}

func TestPopulate(t *testing.T) {
	for name, populate := range map[string]func(m *Mapping){
		"Populate": func(m *Mapping) {
			if err := m.Populate(); err != nil {
				t.Error(err)
			}
		},
		"touch": func(m *Mapping) { touch(m.Bytes()) },
	} {
		f := tempFile(t)
		m := mustMap(t, f)
		want := bytes.Repeat([]byte{7}, size)
		copy(m.Bytes(), want)
		populate(m)
		if !bytes.Equal(m.Bytes(), want) {
			t.Errorf("%s has changed the memory", name)
		}
		if err := m.Unmap(); err != nil {
			t.Error(err)
		}
	}
}

func TestErrors(t *testing.T) {
	f := tempFile(t)
	mustMap(t, f).Unmap()
	f.Close()
	if _, err := Map(f, size); err == nil {
		t.Error("mapped a closed file")
	}
}
