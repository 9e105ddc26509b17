package disk_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/gozoo/zoo/internal/disk"
)

func TestFree(t *testing.T) {
	dir := t.TempDir()
	free, err := disk.Free(dir)
	if errors.Is(err, disk.ErrUnknown) {
		t.Skip("this system is not asked for free space")
	}
	if err != nil || free <= 0 {
		t.Errorf("free = %d, %v, want some", free, err)
	}
	if _, err := disk.Free(filepath.Join(dir, "none")); err == nil {
		t.Error("a folder that is not there has free space")
	}
}
