"""Counts the reference networks and digests their state dicts, for the tests of backbone/.

    facts.py -o FILE [MODEL...]   adds lines to a table: those of MODEL, or of all rows of zoo.toml that it lacks
    facts.py --keys MODEL         prints one state dict, to see where a digest differs

Columns: model, with ".deploy" for its deploy form; input as 1xCxHxW; state dict entries; sha256 of the sorted lines that
--keys prints; parameters; eps of the norms; multiply-accumulates of the convolutions over the whole
forward pass, where the framework does not count; FLOPs by mmcv's counter and by
mmengine's, both without the classifier and left out for networks too large to run.
"""

import argparse
import hashlib
import io
import logging
import pathlib
import tomllib
import warnings
from contextlib import redirect_stdout

import torch
from mmcv.cnn.bricks import Conv2dAdaptivePadding
from mmpretrain.models.backbones.hornet import HorNetLayerNorm
from mmpretrain.models.utils import attention

import networks

# Figures were published before PyTorch had an attention of its own, in which counters see nothing.
attention.scaled_dot_product_attention = attention.scaled_dot_product_attention_pyimpl

LARGEST = 250_000_000  # parameters of a network that is run here
CATALOGUE = pathlib.Path(__file__).parents[2] / "zoo.toml"
BRANCHED = ("levit", "mobileone", "replknet", "repmlp", "repvgg", "riformer")  # families that have a deploy form, which is counted too
HEADER = ("model", "input", "entries", "keys", "params", "eps", "conv_macs", "mmcv-legacy", "mmengine")


def plain_borders(net):
    """Puts the framework's own class in place of convolutions whose border PyTorch makes by the name "same", as it did
    when figures were published: mmcv's counter does not count that class, and mmengine's not that name."""
    for module in list(net.modules()):
        for name, conv in module.named_children():
            if isinstance(conv, torch.nn.Conv2d) and conv.padding == "same":
                made = Conv2dAdaptivePadding(conv.in_channels, conv.out_channels, conv.kernel_size, groups=conv.groups)
                setattr(module, name, made)


def keys(net):
    """Returns the sorted lines "name dtype shape kind" of a state dict; a scalar's shape is "-"."""
    learnt = {name for name, _ in net.named_parameters()}
    lines = []
    for name, x in net.state_dict().items():
        shape = "x".join(map(str, x.shape)) or "-"
        kind = "param" if name in learnt else "buffer"
        lines.append(f"{name} {str(x.dtype).removeprefix('torch.')} {shape} {kind}")
    return sorted(lines)


def eps(net):
    """Returns the eps of all batch, layer and group norms, each once."""
    norms = (torch.nn.modules.batchnorm._BatchNorm, torch.nn.LayerNorm, torch.nn.GroupNorm)
    """Returns the eps of all batch and layer norms, each once."""
    norms = (torch.nn.modules.batchnorm._BatchNorm, torch.nn.LayerNorm, HorNetLayerNorm)
    return " ".join(f"{e:g}" for e in sorted({m.eps for m in net.modules() if isinstance(m, norms)})) or "-"


def conv_macs(net, x):
    """Returns the products of all convolutions; those with the zero border count."""
    total = 0

    def count(conv, _inputs, out):
        nonlocal total
        total += out.numel() * conv.weight[0].numel()

    handles = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, torch.nn.Conv2d)]
    with torch.inference_mode():
        net(x)
    for handle in handles:
        handle.remove()
    return total


def counters(net, shape):
    """Returns the FLOPs of a network of the framework's by mmcv's and by mmengine's counter."""
    from mmcv.cnn import get_model_complexity_info as mmcv_count
    from mmengine.analysis import get_model_complexity_info as mmengine_count

    net.forward = net.extract_feat
    with torch.no_grad(), redirect_stdout(io.StringIO()):
        legacy, _ = mmcv_count(net, shape[1:], as_strings=False, print_per_layer_stat=False)
        return int(legacy), int(mmengine_count(net, shape[1:], show_arch=False)["flops"])  # its drawing fails on HRNet


def measure(model, size, known={}):
    """Returns the columns of a model for a square input; rows of one network are measured once."""
    net, _ = networks.build(model)
    plain_borders(net)
    shape = (1, 3, size, size)
    entries = keys(net)
    digest = hashlib.sha256("\n".join(entries).encode()).hexdigest()
    key = (digest, size, networks.settings(net))
    if key not in known:
        params = sum(p.numel() for p in net.parameters())
        if params > LARGEST:
            flops = ("", "", "")
        elif model in networks.LITES:
            flops = (conv_macs(net, torch.zeros(shape)), "", "")
        else:
            flops = ("", *counters(net, shape))
        known[key] = (len(entries), digest, params, eps(net), *flops)
    return tuple(map(str, (model, "x".join(map(str, shape)), *known[key])))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("models", nargs="*", metavar="MODEL")
    p.add_argument("--size", type=int, action="append", help="side of the input; repeatable; that of the published FLOPs if not given")
    p.add_argument("--keys", action="store_true")
    p.add_argument("-o", "--out", type=pathlib.Path)
    args = p.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    if args.keys:
        for model in args.models:
            print("\n".join(keys(networks.build(model)[0])))
        return
    catalogue = tomllib.loads(CATALOGUE.read_text())
    del catalogue["aliases"]  # which is no row
    rows = {}
    if args.out.exists():
        rows = {tuple(r.split("\t")[:2]): tuple(r.split("\t")) for r in args.out.read_text().splitlines()[1:]}
    have = {model for model, _ in rows}
    rowed = [m for model in catalogue for m in [model, model + networks.DEPLOY] if m == model or catalogue[model]["family"] in BRANCHED]
    for model in args.models or [m for m in rowed if m not in have]:
        for size in args.size or [catalogue[model.removesuffix(networks.DEPLOY)]["published"]["flops_size"]]:
            row = measure(model, size)
            rows[row[:2]] = row
            text = "".join("\t".join(r) + "\n" for r in [HEADER, *(rows[k] for k in sorted(rows))])
            args.out.write_text(text)
            print(*row, flush=True)


if __name__ == "__main__":
    main()
