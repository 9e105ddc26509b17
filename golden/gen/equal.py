"""Writes a golden of every network of NAMES, at its own size, on synthetic weights of seed 1 under its project's names.

    go run ./names > NAMES
    equal.py NAMES DIR [--most SIDE]

NAMES are lines "project network family architecture", of timm and torchvision; the goldens are those of foreign.py, and hold
float32 numbers. A network that is in DIR already is left as it is. TestEqual in backbone compares them with what is
computed here; catalogue/equal.tsv is what came of that. --most bounds the side of images, where memory is short.
"""

import argparse
import pathlib

import foreign
import golden
import numpy as np
import synthetic
import timm
import torch
import torchvision
import zstandard

SEED = 1


def build(project, network):
    """Returns a network, the side of its images and what it is of."""
    if project == "timm":
        net = timm.create_model(network, num_classes=1000)
        return net.eval(), net.default_cfg["input_size"][1], f"timm {timm.__version__}"
    kwargs = {"init_weights": False} if network in ("inception_v3", "googlenet") else {}
    weights = next(iter(torchvision.models.get_model_weights(network)))
    return torchvision.models.get_model(network, **kwargs).eval(), weights.transforms.keywords["crop_size"], f"torchvision {torchvision.__version__.split('+')[0]}"


def write(path, project, network, arch, most):
    net, side, version = build(project, network)
    shape = (1, 3, min(side, most), min(side, most))
    net.load_state_dict(golden.synthetic_state(net, SEED))
    with torch.inference_mode():
        logits = net(torch.from_numpy(synthetic.network_input(shape, SEED))).numpy()
    meta = foreign.described(net, project, network, arch, version, shape, SEED, 1e-6)
    path.write_bytes(zstandard.ZstdCompressor(level=3).compress(golden.encode({"logits": logits.astype(np.float64)}, meta)))
    print(project, network, arch, shape[2], f"spread {logits.std():.3g}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--most", type=int, default=10**9, help="the largest side of an image")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for line in args.names.read_text().splitlines():
        project, network, _, arch = line.split()
        path = args.out / f"{project}.{network}.{arch}.safetensors.zst"
        if project in ("timm", "torchvision") and not path.exists():
            write(path, project, network, arch, args.most)


if __name__ == "__main__":
    main()
