package pth

import (
	"fmt"

	"github.com/gozoo/zoo/converter/foreign"
)

// notTorch returns an error that says what data are when they are clearly no checkpoint of
// PyTorch's. What is left may be a legacy one.
func notTorch(name string, data []byte) error {
	switch kind := foreign.File(name, data); {
	case len(data) == 0:
		return fmt.Errorf("the file is empty")
	case kind != nil:
		return unsupportedf("not a PyTorch checkpoint but %s", kind.What)
	}
	return nil
}

// notSaved returns the error of a pickle that torch.save did not write: what it is instead where
// that is known, and otherwise why.
func notSaved(data []byte, why error) error {
	var globals []string
	trace := TracePickle(data)
	for _, u := range trace.Uses {
		globals = append(globals, u.Global)
	}
	if what := foreign.Pickle(globals); what != "" && trace.Worst() < Dangerous {
		return unsupportedf("not a PyTorch checkpoint but %s", what)
	}
	return fmt.Errorf("not a PyTorch checkpoint: %w", why)
}
