package store

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gozoo/zoo/internal/transfer"
)

// keptBytes returns how many bytes the journal of a name's download says are
// there.
func (s *Store) keptBytes(name string) int {
	data, err := os.ReadFile(transfer.JournalPath(filepath.Join(s.dir, "partial", name+partSuffix)))
	if err != nil {
		return 0
	}
	kept := 0
	for _, line := range strings.Split(string(data), "\n")[1:] {
		n, _ := strconv.Atoi(line) // the last line is empty
		kept += n
	}
	return kept
}
