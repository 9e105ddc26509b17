"""Writes goldens of other projects' networks, which prove the recipes that rename their checkpoints.

    foreign.py -o DIR PROJECT NETWORK MODEL   such as: timm cspresnet50 cspresnet50_3rdparty_8xb32_in1k
    foreign.py -o DIR mmpretrain OPTION MODEL ... MODEL itself, with an option of its backbone switched on

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

SEED = 0


def build(project, network, model, eps):
    """Returns an untrained network in evaluation mode, and the project's version."""
    if project == "mmpretrain":
        import mmpretrain

        net = mmpretrain.get_model(model, pretrained=False, backbone={network: True})
        version = f"mmpretrain {mmpretrain.__version__}"
    elif project == "timm":
        import timm

        net, version = timm.create_model(network), f"timm {timm.__version__}"
    else:
        import torchvision

        kwargs = {"init_weights": False} if network == "inception_v3" else {}
        net, version = torchvision.models.get_model(network, **kwargs), f"torchvision {torchvision.__version__.split('+')[0]}"
    for module in net.modules():
        if eps and isinstance(module, torch.nn.BatchNorm2d):
            module.eps = eps
    return net.eval(), version


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("project", choices=["mmpretrain", "timm", "torchvision"])
    p.add_argument("network")
    p.add_argument("model")
    p.add_argument("-o", "--out", required=True, type=pathlib.Path)
    p.add_argument("--shape", default="1x3x64x64", help="of the synthetic input")
    p.add_argument("--bn-eps", type=float, help="where the project's own is not the model's")
    args = p.parse_args()
    shape = tuple(map(int, args.shape.split("x")))
    torch.set_num_threads(1)
    net, version = build(args.project, args.network, args.model, args.bn_eps)
    net.load_state_dict(golden.synthetic_state(net, SEED))
    x = torch.from_numpy(synthetic.network_input(shape, SEED))
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
        "shape": args.shape,
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
