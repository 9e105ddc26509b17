package recipe

// A Source is a project that publishes a network under its own names of tensors.
//
// Names and shapes of tensors do not tell what a network computes: borders, eps and pooling
// leave no trace in them. So a source says which networks of the project are the one that
// the recipe leads to, and which only look like it.
type Source struct {
	// Recipe makes the recipe: only those that are asked for are made.
	Recipe func() Recipe
	// Networks are the project's names of this very network, the usual one first, and
	// those that it had before. Empty where the project publishes none, and the recipe is
	// for what others train with its code.
	Networks []string
	// Alike are its other networks, with published weights, whose tensors have the same
	// names and shapes. A file of one of them must not be taken for this network.
	Alike []string
	// Unpublished are networks like those of Alike that the project builds, but publishes
	// no weights of. They matter where a file says that it is of one.
	Unpublished []string
	// Doubtful are names in the training code of others, who keep the project's names of
	// tensors, that mean this network in one and another in the next, with what differs.
	Doubtful map[string]string
	// Plain says that this is the project's plain network, and Alike its variants: a file
	// that does not say which it is of is taken for the plain one.
	Plain bool
	// Settings checks the config.json that the project keeps beside a file: it returns an
	// error for a value that makes another network of the same tensors. Nil where nothing
	// can.
	Settings func(config map[string]any) error
	// NeedsSettings says that without a config.json nothing can be known.
	NeedsSettings bool
}

// Is returns whether the project's network of a name is this one, and whether it is known to
// be another of the same tensors. Both are false for a name that is not known.
func (s *Source) Is(network string) (same, other bool) {
	for _, n := range s.Networks {
		same = same || n == network
	}
	for _, names := range [][]string{s.Alike, s.Unpublished} {
		for _, n := range names {
			other = other || n == network
		}
	}
	return same, other
}
