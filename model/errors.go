package model

import (
	"errors"

	"github.com/gozoo/zoo/internal/option"
)

// ErrNoClassifier says that the weights of a model lack the classifier, so that it has
// features and no classes.
var ErrNoClassifier = errors.New("the classifier is missing from the checkpoint")

// ErrOption is, by errors.Is, every error of options that cannot be used.
var ErrOption = option.Err

// An OptionError says that options contradict each other, or what they are about; Field
// says which.
type OptionError = option.Error
