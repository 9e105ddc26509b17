"""Writes goldens of other projects' networks, which prove the recipes that rename their checkpoints.

    foreign.py -o DIR PROJECT NETWORK MODEL   such as: timm cspresnet50 cspresnet50_3rdparty_8xb32_in1k

The network carries synthetic weights by its own project's names, so that a reader
who makes the same weights and renames them for MODEL must get the same logits.
The metadata add "project", "network" and "state_dict": lines "name dtype shape", in
order. There are no probes: module paths differ between projects.
"""

import argparse
import pathlib

import numpy as np
import torch
import zstandard

import golden
import synthetic

SHAPE, SEED = (1, 3, 64, 64), 0


def build(project, network):
    """Returns an untrained network in evaluation mode, and the project's version."""
    if project == "timm":
        import timm

        return timm.create_model(network).eval(), f"timm {timm.__version__}"
    import torchvision

    kwargs = {"init_weights": False} if network == "inception_v3" else {}
    return torchvision.models.get_model(network, **kwargs).eval(), f"torchvision {torchvision.__version__.split('+')[0]}"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("project", choices=["timm", "torchvision"])
    p.add_argument("network")
    p.add_argument("model")
    p.add_argument("-o", "--out", required=True, type=pathlib.Path)
    args = p.parse_args()
    torch.set_num_threads(1)
    net, version = build(args.project, args.network)
    net.load_state_dict(golden.synthetic_state(net, SEED))
    x = torch.from_numpy(synthetic.network_input(SHAPE, SEED))
    with torch.inference_mode():
        noisy = net.float()(x).numpy()
        logits = net.double()(x.double()).numpy()
    noise = np.abs(noisy - logits).max() / np.abs(logits).max()
    lines = []
    for name, v in net.float().state_dict().items():
        shape = "x".join(map(str, v.shape)) or "-"
        lines.append(f"{name} {str(v.dtype).removeprefix('torch.')} {shape}")
    metadata = {
        "format": "zoo-golden/1",
        "model": args.model,
        "weights": f"synthetic:{SEED}",
        "input": f"synthetic:{SEED}",
        "shape": "x".join(map(str, SHAPE)),
        "framework": f"{version}, torch {torch.__version__.split('+')[0]}",
        "noise": f"{noise:.4g}",
        "project": args.project,
        "network": args.network,
        "state_dict": "\n".join(lines),
    }
    data = golden.encode({"logits": logits}, metadata)
    data = zstandard.ZstdCompressor(level=19).compress(data)
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / f"{args.project}.{args.network}.safetensors.zst"
    path.write_bytes(data)
    print(f"{path}: {len(data)} bytes, {len(lines)} tensors, noise {noise:.2g}, spread {logits.std():.3g}")


if __name__ == "__main__":
    main()
