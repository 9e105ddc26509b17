package zoo_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/metrics"
)

func TestReport(t *testing.T) {
	z := newZoo(t)
	rows, err := z.Report(context.Background(), zoo.ReportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	type exact struct {
		Name               string
		Params             int64
		FVCore, MMCV, MMEn int64
		Top1, Top5, N      int
		Accuracy           metrics.Verdict
	}
	var got []exact
	for _, r := range rows {
		e := exact{Name: r.Name, Params: r.Params.Exact, Top1: r.Top1.Correct, Top5: r.Top5.Correct, N: r.Top1.N, Accuracy: r.Accuracy()}
		for _, total := range r.Totals {
			switch total.Convention {
			case metrics.FVCore:
				e.FVCore = total.FLOPs
			case metrics.MMCVLegacy:
				if r.Convention == metrics.MMCVLegacy { // the others were never counted so
					e.MMCV = total.FLOPs
				}
			case metrics.MMEngine:
				e.MMEn = total.FLOPs
			}
		}
		got = append(got, e)
		if r.Counts() == metrics.Differs {
			t.Errorf("%s: counts differ from the published ones", r.Name)
		}
		d := r.Digests
		if measured := r.Evaluation != nil; measured != (d.Converted.Full() && d.Golden.Full()) || measured && !d.Source.Full() {
			t.Errorf("%s: digests %+v", r.Name, d)
		}
	}
	// Parameters and FLOPs of the published CSPNets are those of mmcv and mmengine;
	// the nano networks' accuracies those of mmpretrain on the same 360 images.
	want := []exact{
		{"cspdarknet50_3rdparty_8xb32_in1k", 27642184, 5028358144, 5040204288, 5027334144, 0, 0, 0, metrics.NotMeasured},
		{"cspresnet50_3rdparty_8xb32_in1k", 21616168, 3476414464, 3483493888, 3475390464, 0, 0, 0, metrics.NotMeasured},
		{"cspresnext50_3rdparty_8xb32_in1k", 20569896, 3098810368, 3108202496, 3096762368, 0, 0, 0, metrics.NotMeasured},
		{"efficientnet-lite0_3rdparty_in1k", 4652008, 398725664, 0, 397445664, 0, 0, 0, metrics.NotMeasured},
		{"efficientnet-lite1_3rdparty_in1k", 5416680, 620551408, 0, 619271408, 0, 0, 0, metrics.NotMeasured},
		{"efficientnet-lite2_3rdparty_in1k", 6092072, 885629152, 0, 884349152, 0, 0, 0, metrics.NotMeasured},
		{"cspdarknet-nano_digits", 55650, 2650752, 2700800, 2650112, 354, 360, 360, metrics.Reproduced},
		{"cspresnet-nano_digits", 54042, 1968768, 1993216, 1968128, 355, 359, 360, metrics.Reproduced},
		{"cspresnext-nano_digits", 82730, 3728640, 3774464, 3727360, 358, 360, 360, metrics.Reproduced},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}

	one, err := z.Report(context.Background(), zoo.ReportOptions{Names: []string{"csp*-nano_*", "cspresnet-nano_digits"}})
	if err != nil || len(one) != 3 {
		t.Errorf("%d rows, %v: expected each network once", len(one), err)
	}
	if _, err := z.Report(context.Background(), zoo.ReportOptions{Names: []string{"cspresnet-nano"}}); err == nil {
		t.Error("no error for an unknown name")
	}
}
