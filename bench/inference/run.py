"""Times zoo, ONNX Runtime, OpenVINO and torch on the same networks, weights and input, in turn.

    python run.py [--group attention] [--threads 1 2] [--batches 1 8] [--rounds 5] [--write]

Networks are mmpretrain's, with synthetic weights, exported to ONNX; golden/gen holds both and its
requirements.txt what has to be installed, with onnx, onnxruntime and openvino beside it. In every round each
competitor computes its runs, one after the other; zoo runs in a process of its own (`zoo bench`). The error
of each is against torch in float64, as a share of the largest logit: a time without it says nothing.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnxruntime
import openvino
import torch

HERE = pathlib.Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[2] / "golden" / "gen")]
import golden  # noqa: E402
import networks  # noqa: E402
import pixels  # noqa: E402
import results  # noqa: E402
import synthetic  # noqa: E402

# What zoo is asked for: (label, precision, ZOO_CPU). Those that this machine cannot run are left out.
ZOO = [
    ("zoo high", "high", ""),
    ("zoo highest", "highest", ""),
    ("zoo high, avx512", "high", "avx512"),
    ("zoo highest, avx2", "highest", "avx2"),
    ("zoo medium", "medium", ""),
]


ATTENTION = (
    "deit-small_4xb256_in1k",
    "vit-base-p16_mae-1600e-pre_8xb128-coslr-100e_in1k",
    "swin-tiny_16xb64_in1k",
    "xcit-small-12-p16_3rdparty_in1k",
    "levit-256_3rdparty_in1k",
)
WINDOWS = ("replknet-31B_3rdparty_in1k", "convmixer-768-32_3rdparty_in1k", "poolformer-s12_3rdparty_32xb128_in1k", "hornet-tiny-gf_3rdparty_in1k")
# Networks that are measured together, and their section of RESULTS.md.
GROUPS = {
    "cspnets": (networks.CSPNETS, "Inference"),
    "attention": (ATTENTION, "Inference with attention"),
    "windows": (WINDOWS, "Inference with large windows"),
}
GAINS = {"levit-256_3rdparty_in1k": 0.7, "replknet-31B_3rdparty_in1k": 0.7, "convmixer-768-32_3rdparty_in1k": 0.92}  # of synthetic weights, where a network has few norms


def crop(model):
    """Returns the side of a model's input."""
    return pixels.CROPS.get(model, 224)


class Peer:
    """A competitor in this process: call it once for one batch."""

    def __init__(self, run):
        self.run = run
        self.times = []

    def round(self, runs):
        self.run()
        for _ in range(runs):
            start = time.perf_counter()
            self.logits = self.run()
            self.times.append(time.perf_counter() - start)


def weights(model):
    """Returns what zoo is to be told of a model's weights."""
    return f"synthetic:0*{GAINS[model]}" if model in GAINS else "synthetic:0"


class Zoo:
    """zoo in a process of its own."""

    def __init__(self, program, model, shape, threads, precision, level, folder):
        self.times, self.best, self.median = [], [], []
        self.file = folder / "logits.safetensors"
        self.args = [
            program, "bench", model, "--size", f"{shape[2]}x{shape[3]}", "--batch", str(shape[0]), "--threads", str(threads),
            "--precision", precision, "--weights", weights(model), "--logits", self.file, "--format", "json",
        ]
        self.env = dict(os.environ, ZOO_CPU=level)

    def round(self, runs):
        out = subprocess.run([*self.args, "--runs", str(runs)], env=self.env, check=True, capture_output=True, text=True).stdout
        self.result = json.loads(out)["results"][0]
        self.best.append(self.result["ms_min"])
        self.median.append(self.result["ms_median"])
        from safetensors.numpy import load_file

        self.logits = load_file(self.file)["logits"]


def export(net, shape, path):
    if not path.exists():
        torch.onnx.export(net, torch.zeros(shape), path, dynamo=False, opset_version=17, input_names=["x"], output_names=["y"])
    return path


def peers(net, onnx_file, x, threads):
    """Returns the competitors that run in this process."""
    torch.set_num_threads(threads)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(str(onnx_file), options, providers=["CPUExecutionProvider"])
    core = openvino.Core()

    def vino(**more):
        config = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1} | more
        request = core.compile_model(str(onnx_file), "CPU", config).create_infer_request()
        return lambda: request.infer([x], share_inputs=True)[0]

    tensor = torch.from_numpy(x)

    def eager():
        with torch.inference_mode():
            return net(tensor).numpy()

    return {
        "ONNX Runtime": Peer(lambda: session.run(None, {"x": x})[0]),
        "OpenVINO f32": Peer(vino(INFERENCE_PRECISION_HINT="f32")),
        "OpenVINO default": Peer(vino()),
        "torch": Peer(eager),
    }


def measure(program, model, shape, threads, rounds, runs, folder):
    """Returns rows (competitor, ms min, ms median, error) for one network and input."""
    net, _ = networks.build(model)
    golden.load(net, golden.synthetic_state(net, 0, GAINS.get(model, 1.0)))
    net.eval()
    x = synthetic.network_input(shape, 0)
    with torch.inference_mode():
        want = net.double()(torch.from_numpy(x).double()).numpy()
    net.float()
    onnx_file = export(net, shape, folder / f"{model}-{'x'.join(map(str, shape))}.onnx")
    all_of_them = peers(net, onnx_file, x, threads)
    for label, precision, level in ZOO:
        z = Zoo(program, model, shape, threads, precision, level, folder)
        z.round(1)  # tells what the machine can do
        if level and z.result["variant"] != level:
            continue
        if label == "zoo high, avx512" and all_of_them["zoo high"].result["variant"] == "avx512":
            continue  # the same thing
        z.best, z.median = [], []
        all_of_them[label] = z
    for _ in range(rounds):
        for p in all_of_them.values():
            p.round(runs)
    rows = []
    for label, p in all_of_them.items():
        error = np.abs(p.logits - want).max() / np.abs(want).max()
        if isinstance(p, Zoo):
            best, median = min(p.best), statistics.median(p.median)
        else:
            best, median = (1e3 / shape[0] * f(p.times) for f in (min, statistics.median))
        rows.append((label, best, median, error))
    return rows


def cold(program, onnx_file, model, size, folder):
    """Returns rows (competitor, ms min, peak MiB): process start to first logits, from a file, two threads."""
    converted = folder / f"{model}.safetensors"
    if not converted.exists():
        net, _ = networks.build(model)
        torch.save({"state_dict": golden.synthetic_state(net, 0)}, folder / "cold.pth")
        subprocess.run([program, "convert", folder / "cold.pth", "--model", model, "-o", converted], check=True, capture_output=True)
    python = [sys.executable, "-c"]
    commands = {
        "zoo": [program, "bench", model, "--weights", converted, "--size", str(size), "--threads", "2", "--runs", "0"],
        "ONNX Runtime": [*python, f"import numpy as n,onnxruntime as o;s=o.SessionOptions();s.intra_op_num_threads=2;"
                         f"o.InferenceSession('{onnx_file}',s,providers=['CPUExecutionProvider']).run(None,{{'x':n.zeros((1,3,{size},{size}),n.float32)}})"],
        "OpenVINO f32": [*python, f"import numpy as n,openvino as v;v.Core().compile_model('{onnx_file}','CPU',{{'INFERENCE_PRECISION_HINT':'f32','INFERENCE_NUM_THREADS':2}})"
                         f"([n.zeros((1,3,{size},{size}),n.float32)])"],
    }
    # A child's peak memory counts what its parent held when it was started, so a small process starts them. It
    # does so where no zoo.toml lies, which zoo would merge over its own.
    launcher = subprocess.run(
        [sys.executable, "-c", LAUNCHER], cwd=folder, input=json.dumps({k: list(map(str, v)) for k, v in commands.items()}),
        check=True, capture_output=True, text=True,
    )
    return [(k, min(times), statistics.median(times), peak) for k, (times, peak) in json.loads(launcher.stdout).items()]


LAUNCHER = """
import json, os, subprocess, sys, time
commands = json.load(sys.stdin)
out = {k: ([], 0) for k in commands}
for _ in range(7):
    for k, args in commands.items():
        start = time.perf_counter()
        p = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(p.pid, 0)
        out[k][0].append(1e3 * (time.perf_counter() - start))
        out[k] = (out[k][0], max(out[k][1], usage.ru_maxrss / 1024))
        assert status == 0, (k, status)
print(json.dumps(out))
"""


def table(header, rows):
    return "\n".join("| " + " | ".join(r) + " |" for r in [header, ["---", *["---:"] * (len(header) - 1)], *rows]) + "\n"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--models", nargs="+")
    p.add_argument("--group", choices=GROUPS, default="cspnets", help="which networks: each group has a section of its own")
    p.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    p.add_argument("--batches", nargs="+", type=int, default=[1, 8])
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--runs", type=int, default=5, help="of one image in each round, after one that does not count; fewer of batches, at least one")
    p.add_argument("--write", action="store_true", help="replace this section of bench/RESULTS.md")
    args = p.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp())
    program = results.build_zoo(folder)
    out = ""
    group, section = GROUPS[args.group]
    for model in args.models or group:
        size = crop(model)
        for batch in args.batches:
            for threads in args.threads:
                rows = measure(program, model, (batch, 3, size, size), threads, args.rounds, max(1, args.runs // batch), folder)
                best = {r[0]: r[1] for r in rows}

                def ratio(peer, label):
                    return f"{best[peer] / best[label]:.2f}" if label.startswith("zoo") else ""

                cells = [
                    [label, f"{low:.1f}", f"{mid:.1f}", f"{err:.1e}", *(ratio(peer, label) for peer in ("ONNX Runtime", "OpenVINO f32", "OpenVINO default"))]
                    for label, low, mid, err in rows
                ]
                title = f"{model}, {batch}x3x{size}x{size}, {threads} thread{'s'[: threads - 1]}"
                body = f"**{title}**, per image\n\n" + table(["", "ms min", "ms median", "error", "vs ONNX Runtime", "vs OpenVINO f32", "vs OpenVINO default"], cells)
                print(body, flush=True)
                out += body + "\n"
    model = "cspresnet50_3rdparty_8xb32_in1k"
    size = crop(model)
    onnx_file = folder / f"{model}-1x3x{size}x{size}.onnx"
    if onnx_file.exists():
        cells = [[k, f"{low:.0f}", f"{mid:.0f}", f"{mib:.0f}"] for k, low, mid, mib in cold(program, onnx_file, model, size, folder)]
        body = f"**Cold start**, {model} at {size}: process start to first logits, files in the page cache, two threads\n\n"
        body += table(["", "ms min", "ms median", "peak MiB"], cells)
        print(body)
        out += body
    if args.write:
        go = subprocess.run(["go", "version"], capture_output=True, text=True).stdout.split()[2]
        versions = [go, f"onnxruntime {onnxruntime.__version__}", f"openvino {openvino.__version__}", f"torch {torch.__version__}"]
        results.write(section, versions, out)


if __name__ == "__main__":
    main()
