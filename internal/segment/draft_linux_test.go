package segment

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

const hasUnnamedDrafts = true

func useNamedDrafts() { unnamedDrafts = false }

func withNamedDrafts(t *testing.T) {
	useNamedDrafts()
	t.Setenv(namedDrafts, "1")
	t.Cleanup(func() { unnamedDrafts = true })
}

// TestNamedDrafts runs what matters again for file systems without O_TMPFILE.
func TestNamedDrafts(t *testing.T) {
	withNamedDrafts(t)
	t.Run("Create", TestCreate)
	t.Run("Existence", TestExistence)
	t.Run("NotRegular", TestNotRegular)
	t.Run("Mode", TestMode)
	t.Run("Space", TestSpace)
	t.Run("CreationRace", TestCreationRace)
	t.Run("RemovalRace", TestRemovalRace)
}

func TestSweep(t *testing.T) {
	proctest.NoLeaks(t)
	dir := proctest.Dir(t)
	live, err := newNamedDraft(dir)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, ".isthmus-draft-abandoned", make([]byte, 100))
	writeFile(t, dir, ".isthmus-other", nil)
	other, err := newNamedDraft(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.discard(); err != nil {
		t.Error(err)
	}
	if !live.linked() {
		t.Error("a draft was swept whose maker is at work")
	}
	if err := live.discard(); err != nil {
		t.Error(err)
	}
	live.file.Close()
	other.file.Close()
	if got := files(t, dir); got != ".isthmus-other" {
		t.Errorf("files are %q", got)
	}
}
