package golden

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

func TestMain(m *testing.M) { proctest.Main(m) }

var update = flag.Bool("golden.update", false, "make the files of this version anew")

const name = "golden"

// each runs test for each kind, where the files are of use.
func each(t *testing.T, test func(t *testing.T, c kind)) {
	if bits.UintSize != 64 || binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skipf("the segments are of little-endian machines of 64 bits, and this is %s", runtime.GOARCH)
	}
	for _, c := range kinds {
		t.Run(c.name, func(t *testing.T) { test(t, c) })
	}
}

// file returns the path of a kind's file in testdata.
func file(c kind, ext string) string {
	return filepath.Join("testdata", fmt.Sprintf("v%d", layout.Version), c.name+ext)
}

// build makes the segment of a kind, and returns its bytes as they are while its maker is
// attached.
func build(t *testing.T, c kind) []byte {
	t.Helper()
	opts := options(t)
	seg := proctest.Must(shm.Create(name, c.size, opts))(t)
	defer seg.Close()
	c.make(t, seg)
	b := proctest.Must(os.ReadFile(filepath.Join(opts.Dir, "isthmus."+name)))(t)
	runtime.KeepAlive(seg)
	return b
}

// place makes a file of a segment's bytes, and returns how to open it.
func place(t *testing.T, b []byte) *shm.Options {
	t.Helper()
	opts := options(t)
	proctest.Check(t, os.WriteFile(filepath.Join(opts.Dir, "isthmus."+name), b, 0o600))
	return opts
}

// options are those of all the segments, in a directory of its own.
func options(t *testing.T) *shm.Options {
	t.Helper()
	opts := &shm.Options{Dir: proctest.Dir(t), MaxProcs: 3, MaxObjects: 2, Version: 42}
	t.Cleanup(func() { shm.Remove(name, opts) })
	return opts
}

// inspect says what is in a segment, but for what is another each time it is made.
func inspect(t *testing.T, b []byte) []byte {
	t.Helper()
	info := proctest.Must(shm.Inspect(name, place(t, b)))(t)
	info.Path, info.UID, info.Mode, info.Created = "", 0, 0, time.Time{}
	text := proctest.Must(json.MarshalIndent(info, "", "\t"))(t)
	var v map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // fingerprints have 64 bits
	proctest.Check(t, d.Decode(&v))
	anonymize(v)
	return append(proctest.Must(json.MarshalIndent(v, "", "\t"))(t), '\n')
}

// anonymize takes out what depends on the maker's process id.
func anonymize(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			anonymize(e)
		}
	case map[string]any:
		for _, k := range []string{"Slot", "PID", "NamespacePID", "Namespace", "Started"} {
			delete(v, k)
		}
		for _, e := range v {
			anonymize(e)
		}
	}
}

func read(t *testing.T, c kind) []byte {
	t.Helper()
	f := proctest.Must(os.Open(file(c, ".gz")))(t)
	defer f.Close()
	return proctest.Must(io.ReadAll(proctest.Must(gzip.NewReader(f))(t)))(t)
}

// TestUpdate makes the files, if it is told to.
func TestUpdate(t *testing.T) {
	if !*update {
		return
	}
	each(t, func(t *testing.T, c kind) {
		b := build(t, c)
		var z bytes.Buffer
		w := proctest.Must(gzip.NewWriterLevel(&z, gzip.BestCompression))(t)
		proctest.Must(w.Write(b))(t)
		proctest.Check(t, w.Close())
		proctest.Check(t, os.MkdirAll(filepath.Dir(file(c, "")), 0o777))
		proctest.Check(t, os.WriteFile(file(c, ".gz"), z.Bytes(), 0o666))
		proctest.Check(t, os.WriteFile(file(c, ".json"), inspect(t, b), 0o666))
	})
}

// TestInspect looks at the segments in the files, and at some that were just made.
func TestInspect(t *testing.T) {
	each(t, func(t *testing.T, c kind) {
		want := proctest.Must(os.ReadFile(file(c, ".json")))(t)
		if got := inspect(t, read(t, c)); !bytes.Equal(got, want) {
			t.Errorf("the file has\n%s\nrecorded was\n%s", got, want)
		}
		if got := inspect(t, build(t, c)); !bytes.Equal(got, want) {
			t.Errorf("one that was just made has\n%s\nrecorded was\n%s", got, want)
		}
	})
}

// TestOpen uses what is in the files: whoever held something there has died.
func TestOpen(t *testing.T) {
	each(t, func(t *testing.T, c kind) {
		seg := proctest.Must(shm.Open(name, place(t, read(t, c))))(t)
		defer seg.Close()
		c.use(t, seg)
	})
}
