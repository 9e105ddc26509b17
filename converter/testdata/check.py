"""Checks what zoo convert wrote: every tensor against the source, read by the format's own reader.

    check.py SOURCE OUTPUT... [--dtype f32|f16|bf16] [--renamed] [--tensors all] [--run FILE] [--tolerance T]

SOURCE is a .pth or .safetensors file; each OUTPUT is .safetensors, .pth (read with
weights_only=True), .npz or .onnx, or one of them with .zst behind it. Every tensor must have
the source's dtype, shape and bytes. --dtype casts the source's floating point tensors
first. --renamed compares without the names, for outputs under a network's own. A network
in ONNX passes the checker; with --run its logits under ONNX Runtime are compared with those
in FILE, a safetensors file of "input" (N,C,H,W) and "logits", all images at once and one by
one: the largest difference must be at most T of the largest logit. A safetensors file says that
its tensors are PyTorch's, without which other loaders refuse it.

Needs the packages of requirements.txt. It exits with 1 and says
which tensor differs.
"""

import argparse
import hashlib
import io
import pathlib
import sys
import zipfile

import numpy as np
import safetensors.torch
import torch
from safetensors.torch import load as load_safetensors

# The format has this type; the reference's table for torch lacks it (0.8).
safetensors.torch._TYPES.setdefault("F8_E8M0", torch.float8_e8m0fnu)
DTYPES = dict(f32=torch.float32, f16=torch.float16, bf16=torch.bfloat16)


def content(path):
    """Returns the format's suffix and the bytes, decompressed."""
    data = path.read_bytes()
    if path.suffix == ".zst":
        import zstandard

        return path.with_suffix("").suffix, zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
    return path.suffix, data


def walk(value, path=""):
    """Yields the tensors below a value with their paths."""
    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, dict):
        for k, v in value.items():
            yield from walk(v, f"{path}/{k}" if path else str(k))
    elif isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
        for i, v in enumerate(value):
            yield from walk(v, f"{path}/{i}" if path else str(i))


def source(path, every):
    """Returns the source's tensors by name: all of them, or those of its state dict."""
    suffix, data = content(path)
    if suffix == ".safetensors":
        return load_safetensors(data)
    root = torch.load(io.BytesIO(data), map_location="cpu", weights_only=False)
    if every:
        return dict(walk(root))
    state = root.get("state_dict", root.get("model", root))
    return {k.removeprefix("module."): v for k, v in state.items() if isinstance(v, torch.Tensor)}


def npz(data):
    with np.load(io.BytesIO(data)) as arrays:
        out = {k: torch.from_numpy(arrays[k].copy()) for k in arrays.files}
    for name, array in zip(out, zipfile.ZipFile(io.BytesIO(data)).infolist()):
        assert array.filename == name + ".npy", array.filename
    return out


def onnx_tensors(data):
    import onnx

    model = onnx.load_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    out = {}
    kinds = {onnx.TensorProto.BFLOAT16: torch.bfloat16}
    for t in model.graph.initializer:
        if t.name.startswith("zoo."):
            continue  # a constant of an operator
        if t.data_type in kinds:
            out[t.name] = torch.frombuffer(bytearray(t.raw_data), dtype=kinds[t.data_type]).reshape(tuple(t.dims))
        else:
            out[t.name] = torch.from_numpy(onnx.numpy_helper.to_array(t).copy())
    print(f"  opset {model.opset_import[0].version}, {len(model.graph.node)} nodes, {len(model.metadata_props)} facts")
    return out


def read(suffix, data):
    if suffix == ".safetensors":
        return load_safetensors(data)
    if suffix == ".pth":
        return torch.load(io.BytesIO(data), weights_only=True)
    if suffix == ".npz":
        return npz(data)
    return onnx_tensors(data)


def describe(t):
    """Returns dtype, shape and digest of a tensor."""
    raw = t.detach().contiguous().reshape(-1)
    raw = raw.view(torch.uint8).numpy().tobytes() if raw.numel() else b""
    return str(t.dtype), tuple(t.shape), hashlib.sha256(raw).hexdigest()


def compare(want, got, renamed):
    """Returns a line for each difference."""
    if renamed:
        a, b = sorted(want.values()), sorted(got.values())
        return [] if a == b else [f"{len(set(a) ^ set(b))} tensors differ, names aside"]
    lines = [f"{k}: missing" for k in want.keys() - got.keys()] + [f"{k}: unexpected" for k in got.keys() - want.keys()]
    return lines + [f"{k}: {got[k]}, expected {want[k]}" for k in want.keys() & got.keys() if want[k] != got[k]]


def layout(path):
    """Returns a line where a safetensors file does not say whose layout its tensors have."""
    with safetensors.safe_open(path, "pt") as f:
        found = (f.metadata() or {}).get("format")
    return [] if found == "pt" else [f"metadata format {found}, expected pt"]


def run(data, path, tolerance):
    """Compares the logits of a network with recorded ones; returns a line for each difference."""
    import onnxruntime

    io_ = load_safetensors(path.read_bytes())
    x, want = io_["input"].numpy(), io_["logits"].numpy()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    lines = []
    for what, got in {
        "all at once": session.run(["logits"], {"input": x})[0],
        "one by one": np.concatenate([session.run(["logits"], {"input": x[i : i + 1]})[0] for i in range(len(x))]),
    }.items():
        error = float(np.abs(got.astype(np.float64) - want).max() / np.abs(want).max())
        print(f"  ONNX Runtime, {what}: {len(x)} images, largest difference {error:.2e} of the largest logit")
        if not error <= tolerance:
            lines.append(f"logits differ by {error:.2e}, expected at most {tolerance:.0e}")
    return lines


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("source", type=pathlib.Path)
    p.add_argument("outputs", type=pathlib.Path, nargs="+", metavar="OUTPUT")
    p.add_argument("--dtype", choices=DTYPES)
    p.add_argument("--renamed", action="store_true")
    p.add_argument("--tensors", choices=("all", "state"), default="state")
    p.add_argument("--unread", action="append", default=[], help="a tensor that an ONNX file may lack; repeatable")
    p.add_argument("--run", type=pathlib.Path)
    p.add_argument("--tolerance", type=float, default=1e-5)
    args = p.parse_args()
    tensors = source(args.source, args.tensors == "all")
    if args.dtype:
        tensors = {k: v.to(DTYPES[args.dtype]) if v.is_floating_point() else v for k, v in tensors.items()}
    failed = False
    for path in args.outputs:
        suffix, data = content(path)
        print(f"{path.name}:")
        want = tensors
        if suffix == ".onnx":  # inference does not read counters and what it computes itself
            want = {k: v for k, v in want.items() if not k.endswith("num_batches_tracked") and k not in args.unread}
        got = {k: describe(v) for k, v in read(suffix, data).items()}
        lines = compare({k: describe(v) for k, v in want.items()}, got, args.renamed)
        if suffix == ".onnx" and args.run:
            lines += run(data, args.run, args.tolerance)
        if path.suffix == ".safetensors":
            lines += layout(path)
        for line in lines[:20]:
            print("  " + line)
        print(f"  {len(got)} tensors, {len(lines)} differences")
        failed |= bool(lines) or not got
    sys.exit(failed)


if __name__ == "__main__":
    main()
