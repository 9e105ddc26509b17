package pth

import "slices"

// Partitioned reports whether the file is a part of a checkpoint of DeepSpeed's ZeRO whose
// weights lie elsewhere: the share of an optimiser, or a network whose parameters were emptied
// when they were spread over processes.
func (f *File) Partitioned() bool {
	optimiser := lookup(f.root, "optimizer_state_dict")
	if lookup(optimiser, "zero_stage") != nil || lookup(optimiser, "partition_count") != nil {
		return true
	}
	if lookup(f.root, "ds_version") == nil && lookup(f.root, "ds_config") == nil && lookup(f.root, "param_shapes") == nil {
		return false
	}
	empty, full := 0, 0
	w := walk{holds: f.holds, sep: "."}
	w.visit = func(_ string, t *tensorRef) error {
		switch {
		case slices.Contains(t.shape, 0):
			empty++
		case len(t.shape) > 1: // not a buffer, which every process has
			full++
		}
		return nil
	}
	if err := w.value(lookup(f.root, "module"), nil); err != nil {
		return false
	}
	return empty > 0 && full == 0
}
