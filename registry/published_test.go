package registry_test

import (
	"encoding/json"
	"testing"

	"github.com/gozoo/zoo/registry"
)

func TestPublishedJSON(t *testing.T) {
	figure := func(text string) registry.Figure {
		f, err := registry.ParseFigure(text)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for _, tt := range []struct {
		name string
		p    registry.Published
		want string
	}{
		{"nothing", registry.Published{FLOPsConvention: "fvcore", FLOPsSize: 224}, `{}`},
		{"all", registry.Published{ParamsM: figure("21.62"), FLOPsG: figure("3.48"), FLOPsConvention: "fvcore", FLOPsSize: 224,
			Top1: figure("79.50"), Top5: figure("094"),
			Form: "deploy", Images: 50000, Source: "a table", Note: "a note"},
			`{"params":{"text":"21.62","unit":1000000,"value":21620000},` +
				`"flops":{"text":"3.48","unit":1000000000,"value":3480000000,"convention":"fvcore","size":224},"form":"deploy",` +
				`"top1":{"text":"79.50","value":79.50},"top5":{"text":"094","value":94},"images":50000,"source":"a table","note":"a note"}`},
		{"digits below the unit", registry.Published{ParamsM: figure("0.05400001"), FLOPsG: figure("0"), Top1: figure("0.5")},
			`{"params":{"text":"0.05400001","unit":1000000,"value":54000.01},` +
				`"flops":{"text":"0","unit":1000000000,"value":0},"top1":{"text":"0.5","value":0.5}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := json.Marshal(tt.p)
			if err != nil || string(got) != tt.want {
				t.Errorf("%v\n%s\nwant\n%s", err, got, tt.want)
			}
		})
	}
}
