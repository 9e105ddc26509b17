package model

import "github.com/gozoo/zoo/internal/option"

// ErrOption is, by errors.Is, every error of options that cannot be used.
var ErrOption = option.Err

// An OptionError says that options contradict each other, or what they are about; Field
// says which.
type OptionError = option.Error
