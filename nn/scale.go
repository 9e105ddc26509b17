package nn

// Scale multiplies a value of any shape by a number.
type Scale struct{ Factor float64 }

// Kind returns "scale".
func (Scale) Kind() string { return "scale" }

// Params returns none.
func (Scale) Params() []Param { return nil }

// Size returns the input's size.
func (Scale) Size(in ...Size) (Size, error) { return one(in) }

// Scale multiplies x by a number.
func (b *Builder) Scale(x Value, factor float64) Value { return b.node(Scale{factor}, x.C, x) }
