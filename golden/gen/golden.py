"""Writes golden files: what the reference framework computes for a network and an input.

    golden.py -o DIR MODEL...                          synthetic weights and input, at --shape
    golden.py -o DIR MODEL --gain 0.35                 ... weights multiplied by 0.35
    golden.py -o DIR MODEL.deploy                      ... of the network whose branches are fused
    golden.py -o DIR MODEL --checkpoint FILE           the weights of FILE
    golden.py -o DIR MODEL --checkpoint FILE --images A.jpg B.jpg
                                                       ... on photographs, through the model's test pipeline

The network runs in float64; a run in float32 tells its own noise. See README.md
for the file format's home and for the commands that made the committed files.
"""

import argparse
import hashlib
import json
import os
import pathlib
import struct

import numpy as np
import safetensors.torch
import torch
import zstandard

import networks
import pixels
import synthetic


def computed(net):
    """Returns the names of the tables that a network computes itself."""
    return {k for k, _ in net.named_buffers(remove_duplicate=False) if not k.endswith(("running_mean", "running_var", "num_batches_tracked"))}


def synthetic_state(net, seed, gain=1.0):
    """Returns synthetic weights for every entry of a network's state dict; tables that it computes itself stay."""
    tables = computed(net)
    made = lambda k, v: torch.from_numpy(synthetic.tensor(k, tuple(v.shape), seed, gain))
    return {k: v if k in tables else made(k, v) for k, v in net.state_dict().items()}


def load(net, state):
    """Loads a whole state dict; the framework may leave alone what the network computes itself."""
    missing, unexpected = net.load_state_dict(state, strict=False)
    assert set(missing) <= computed(net) and not unexpected, (missing, unexpected)


def published_state(path):
    """Returns the state dict of a checkpoint file, .pth or .safetensors.zst, in float32, and "sha256:HEX" of the file."""
    data = pathlib.Path(path).read_bytes()
    if str(path).endswith(".safetensors.zst"):
        loaded = safetensors.torch.load(zstandard.ZstdDecompressor().decompress(data))
    else:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    state = loaded.get("state_dict", loaded)
    state = {k.removeprefix("module."): v.float() if v.is_floating_point() else v for k, v in state.items()}
    return state, "sha256:" + hashlib.sha256(data).hexdigest()


def run(net, x):
    """Returns logits (N,K) and the probes of every probed module, path to (66), in execution order."""
    probes = {}

    def watch(path):
        def hook(_module, _inputs, out):
            if isinstance(out, tuple):
                out = [x for x in out if isinstance(x, torch.Tensor)][-1]  # MViT's blocks return a size, too
            if out.ndim == 5:  # HiViT's small patches (N,P,h,w,C), which lie patch by patch
                n, count, h, w, c = out.shape
                side = round(count**0.5)
                out = out.reshape(n, side, side, h, w, c).transpose(2, 3)
            probes[path] = synthetic.probe(path, out.numpy())

        return hook

    handles = [module.register_forward_hook(watch(path)) for path, module in networks.probed(net).items()]
    with torch.inference_mode():
        logits = net(x.contiguous()).numpy()
    for handle in handles:
        handle.remove()
    return logits, probes


def encode(tensors, metadata):
    """Returns a safetensors file of float32 tensors: equal input, equal bytes."""
    header, at = {"__metadata__": dict(sorted(metadata.items()))}, 0
    body = b""
    for name, x in tensors.items():
        data = np.ascontiguousarray(x, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(x.shape), "data_offsets": [at, at + len(data)]}
        at += len(data)
        body += data
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    return struct.pack("<Q", len(text)) + text + body


def write(path, net, x, metadata, keep_input):
    """Runs net on x, float32 (N,C,H,W), and writes the golden to path, compressed if it ends in .zst."""
    noisy, _ = run(net.float(), torch.from_numpy(x))
    logits, probes = run(net.double(), torch.from_numpy(x).double())
    noise = np.abs(noisy - logits).max() / np.abs(logits).max()
    tensors = {"logits": logits} | {"probe." + k: v for k, v in probes.items()}
    if keep_input:
        tensors["input"] = x
    data = encode(tensors, metadata | {"format": "zoo-golden/1", "noise": f"{noise:.4g}"})
    if str(path).endswith(".zst"):
        data = zstandard.ZstdCompressor(level=19).compress(data)
    pathlib.Path(path).write_bytes(data)
    print(f"{path}: {len(data)} bytes, {len(probes)} probes, noise {noise:.2g}, classes {logits.argmax(1).tolist()}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("models", nargs="+", metavar="MODEL")
    p.add_argument("--shape", help="NxCxHxW of a synthetic input; the test crop, one image, if not given")
    p.add_argument("--seed", type=int, default=0, help="of synthetic weights and input")
    p.add_argument("--gain", type=float, default=1.0, help="of synthetic weights: below 1 where the network has few norms")
    p.add_argument("--checkpoint", help="a checkpoint instead of synthetic weights; for one model")
    p.add_argument("--images", nargs="+", help="photographs instead of a synthetic input; for one model")
    p.add_argument("--levels", type=float, help="an input of the synthetic levels without noise, times this, which is stored: to be seen in spite of a low gain")
    p.add_argument("--as-it-is", action="store_true", help="compute what the framework does, where that is not the published network")
    p.add_argument("-o", "--out", required=True, help="folder, or file name if it ends in .safetensors or .zst")
    args = p.parse_args()
    if len(args.models) > 1 and (args.checkpoint or args.images):
        p.error("--checkpoint and --images are for one model")
    torch.set_num_threads(1)
    gain = "" if args.gain == 1 else "*" + np.format_float_positional(args.gain, trim="-")
    for model in args.models:
        net, framework = networks.build(model, corrected=not args.as_it_is)
        metadata = {"model": model.removesuffix(networks.DEPLOY), "framework": framework}
        if model.endswith(networks.DEPLOY):
            metadata["form"] = "deploy"
        if args.checkpoint:
            state, metadata["weights"] = published_state(args.checkpoint)
        else:
            state, metadata["weights"] = synthetic_state(net, args.seed, args.gain), f"synthetic:{args.seed}{gain}"
        load(net, state)
        net.load_state_dict(state)
        net.eval()  # which makes anew what EfficientFormer, LeViT and TinyViT look up in their weights
        if args.images:
            x = pixels.preprocess(model, args.images).numpy()
            metadata["input"] = "images:" + ",".join(os.path.basename(i) for i in args.images)
            label = "images"
        else:
            shape = args.shape or "1x3x{0}x{0}".format(pixels.CROPS[model])
            x = synthetic.network_input(tuple(map(int, shape.split("x"))), args.seed)
            metadata |= {"input": f"synthetic:{args.seed}", "shape": shape}
            label = f"synthetic{args.seed}{gain.replace('*', 'x')}-{shape}"
            if args.levels:
                x = args.levels * synthetic.levels(x.shape, args.seed).astype(np.float32)
                metadata["input"] += f", levels times {args.levels:g}"
                label += f"-levels{args.levels:g}"
        out = pathlib.Path(args.out)
        if not args.out.endswith((".safetensors", ".zst")):
            out.mkdir(parents=True, exist_ok=True)
            out = out / f"{model}.{label}.safetensors.zst"
        write(out, net, x, metadata, keep_input=bool(args.images or args.levels))


if __name__ == "__main__":
    main()
