"""Tells how certain the neighbours are that a ViG takes: of synthetic weights and input of a seed.

    margins.py MODEL --gain 0.35 --seed 4

Which of two pixels is the nearer one is not certain where their distances differ by less than they err, and a
network that takes the other one computes something else there. Printed are the least differences of distances, of
a pixel that is taken and one that is not; and the largest error of any logit or probe, as a share of the largest
value, of runs whose convolutions read values that err at random by a share of 2e-7, as in float32, and
of 1e-6 and 5e-6. A golden is made of a seed and a gain whose errors stay well below what is allowed.
"""

import argparse

import numpy as np
import torch
from mmpretrain.models.backbones import vig

import golden
import networks
import synthetic


def watch(net, margins):
    """Has every graph of a network add to margins how far the distances of taken and other pixels are apart."""

    def hook(graph, inputs):
        x, y, table = (*inputs, None, None)[:3]
        x = torch.nn.functional.normalize(x, dim=1).squeeze(-1).transpose(2, 1)
        y = x if y is None else torch.nn.functional.normalize(y, dim=1).squeeze(-1).transpose(2, 1)
        distances = vig.xy_pairwise_distance(x, y) + (0 if table is None else table)
        gaps = distances.sort(-1).values.diff(dim=-1)
        taken = torch.arange(gaps.shape[-1] + 1) % graph.dilation == 0
        taken &= torch.arange(gaps.shape[-1] + 1) < graph.k * graph.dilation
        margins.append(gaps[..., taken[1:] != taken[:-1]].flatten())

    return [m.register_forward_pre_hook(hook) for m in net.modules() if isinstance(m, vig.DenseDilatedKnnGraph)]


def erring(net, share, random):
    """Has every convolution and linear layer of a network read values that err by up to a share of themselves."""

    def hook(_module, inputs):
        noise = 2 * torch.rand(inputs[0].shape, generator=random, dtype=inputs[0].dtype) - 1
        return (inputs[0] * (1 + share * noise),)

    return [m.register_forward_pre_hook(hook) for m in net.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear))]


def run(net, x, handles):
    """Returns logits and probes as float64, by name, and takes hooks away."""
    logits, probes = golden.run(net, x)
    for handle in handles:
        handle.remove()
    return {k: np.asarray(v, np.float64) for k, v in (probes | {"logits": logits}).items()}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--gain", type=float, default=1.0)
    p.add_argument("--levels", type=float, help="as golden.py has it")
    p.add_argument("--runs", type=int, default=10)
    args = p.parse_args()
    torch.set_num_threads(1)
    net, _ = networks.build(args.model)
    golden.load(net, golden.synthetic_state(net, args.seed, args.gain))
    net.eval().double()
    shape = (1, 3, 224, 224)
    x = args.levels * synthetic.levels(shape, args.seed) if args.levels else synthetic.network_input(shape, args.seed)
    x = torch.from_numpy(x.astype(np.float32)).double()
    margins, random = [], torch.Generator().manual_seed(0)
    want = run(net, x, watch(net, margins))
    least = torch.cat(margins).sort().values
    print(f"{len(least)} differences, the least {', '.join(f'{v:.2g}' for v in least[:5])}")
    for share in (2e-7, 1e-6, 5e-6):
        worst = []
        for _ in range(args.runs):
            got = run(net, x, erring(net, share, random))
            worst.append(max(np.abs(got[k] - want[k]).max() / np.abs(want[k]).max() for k in want))
        print(f"values err by {share:g}: at most {max(worst):.2g}, median {np.median(worst):.2g} of {args.runs} runs")


if __name__ == "__main__":
    main()
