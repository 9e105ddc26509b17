package disk

// A State is what a file system says of a file that changes when the file's bytes do. Two
// equal states of one path say that nobody wrote to it in between, as far as the system
// tells: where it notes no time of change and no number, size and time of writing only.
type State struct {
	Size     int64  `json:"size"`     // bytes
	Modified int64  `json:"mtime_ns"` // when the bytes were written, which a program may set
	Changed  int64  `json:"ctime_ns"` // when anything of the file was changed, which none may; 0: not known
	Inode    uint64 `json:"inode"`    // 0: not known
}
