package table_test

import (
	"log"
	"os"

	"github.com/gozoo/zoo/metrics/table"
)

func ExampleTable() {
	t := table.Table{
		Header: []string{"Model", "Params"},
		Right:  []bool{false, true},
		Rows:   [][]string{{"cspresnet50", "21616168"}, {"cspresnet-nano", "54042"}},
	}
	if err := t.Markdown(os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output:
	// | Model          |   Params |
	// |:---------------|---------:|
	// | cspresnet50    | 21616168 |
	// | cspresnet-nano |    54042 |
}
