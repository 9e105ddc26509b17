// Package transfer brings a file from a web address to a path, whatever happens on
// the way: it goes on where an earlier attempt or an earlier process stopped, asks
// for the parts of a large file on several connections, and computes the sha256
// behind them. It trusts nothing but that digest.
//
//	c := transfer.NewClient()
//	result, err := c.Download(ctx, file, path)
//
// It knows no cache: package store gives it a path and moves what it brings into
// place. Its errors begin with that package's name, which is what users call.
package transfer

import (
	"io"
	"io/fs"
	"net/http"
	"os"
	"time"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/disk"
)

// A Client downloads. Its fields must not be changed while it is used.
type Client struct {
	HTTP        *http.Client
	Attempts    int           // at one download without a mebibyte gained
	Backoff     time.Duration // before the second attempt; doubles with each
	Stall       time.Duration // with next to no byte, after which an attempt is given up
	Connections int           // at once for one file
	Segment     int64         // bytes of the parts of a file that are asked for one by one
	Window      int64         // bytes that may be there beyond those that were hashed

	// Free returns how many bytes may be written below a folder.
	Free func(dir string) (int64, error)
	// OpenFile opens the file that grows; nil stands for os.OpenFile.
	OpenFile func(path string) (OpenFile, error)
}

// An OpenFile is a file that a download grows in, such as an *os.File.
type OpenFile interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Stat() (fs.FileInfo, error)
}

// NewClient returns a Client with settings that suit a network of any speed.
func NewClient() *Client {
	return &Client{
		HTTP:        NewHTTPClient(nil),
		Attempts:    5,
		Backoff:     time.Second,
		Stall:       30 * time.Second,
		Connections: 4,
		Segment:     16 << 20,
		Window:      256 << 20,
		Free:        disk.Free,
	}
}

// A File is what to download.
type File struct {
	URL    string
	Header http.Header // of each request; credentials go to the URL's own host only
	Via    Doer        // sends this file's requests; nil stands for the Client's HTTP
	Want   Want
	// Progress, when set, is called while the download gets on, one call at a
	// time. Bytes; a total of 0 is not known.
	Progress func(done, total int64)
	// Notice, when set, is told in one line that an attempt failed and another one follows.
	Notice func(text string)
}

// A Result is a file that was downloaded.
type Result struct {
	Digest digest.Digest // full
	Size   int64         // bytes
}

// JournalPath returns where Download keeps the journal of the file at path.
func JournalPath(path string) string { return path + ".journal" }

// Forget removes what a download left at a path to go on with.
func Forget(path string) {
	os.Remove(path)
	os.Remove(JournalPath(path))
}
