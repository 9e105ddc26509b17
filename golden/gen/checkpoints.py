"""Writes full-size checkpoints, as OpenMMLab and timm publish them, from synthetic weights.

    checkpoints.py DIR [MODEL...]   the three CSPNets, if no model is named

For each model, by real torch.save: MODEL.legacy.pth and MODEL.zip.pth hold {meta,
state_dict}, MODEL.module.pth the same with names that start with "module.",
MODEL.bare.pth the state dict alone, and MODEL.timm.pth the state dict under timm's
names. Weights are those of seed 0, by the entry's own names.
"""

import argparse
import pathlib
from collections import OrderedDict

import torch

import golden
import networks

TIMM = dict(zip(networks.CSPNETS, ("cspdarknet53", "cspresnet50", "cspresnext50")))
META = dict(mmcls_version="0.22.0", CLASSES=["tench", "goldfish"], epoch=300)


def openmmlab_name(name, dark):
    """Returns the OpenMMLab name of a timm state dict entry."""
    level = name.split(".")
    if level[0] == "head":
        return name
    if level[0] == "stem":
        return ".".join(["backbone.stem" if dark else "backbone.stem.0", *level[2:]])
    if level[2] == "blocks" and not dark:  # stages.I.blocks.J.convK.(conv|bn).X: one level less
        k = level[4].removeprefix("conv")
        level[4:6] = [("conv" if level[5] == "conv" else "bn") + k]
    renamed = {
        "conv_down": "downsample_conv",
        "conv_exp": "expand_conv",
        "conv_transition_b": "atfer_blocks_conv",
        "conv_transition": "final_conv",
    }
    level[2] = renamed.get(level[2], level[2])
    return ".".join(["backbone", *level])


def timm_state(model, state):
    """Returns the same weights as the state dict of timm's network; every entry must have its place."""
    import timm

    net = timm.create_model(TIMM[model])
    renamed = OrderedDict((k, state[openmmlab_name(k, "dark" in model)]) for k in net.state_dict())
    if len(renamed) != len(state):
        raise SystemExit(f"{model}: expected {len(state)} entries, found {len(renamed)} in timm's network")
    net.load_state_dict(renamed)
    return net.state_dict()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("models", nargs="*", metavar="MODEL", default=networks.CSPNETS)
    args = p.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    for model in args.models:
        net, _ = networks.build(model)
        net.load_state_dict(golden.synthetic_state(net, 0))
        state = net.state_dict()  # with the _metadata that published files carry
        prefixed = OrderedDict(("module." + k, v) for k, v in state.items())
        legacy = dict(_use_new_zipfile_serialization=False)
        files = {
            "legacy": (dict(meta=META, state_dict=state), legacy),
            "zip": (dict(meta=META, state_dict=state), {}),
            "module": (dict(meta=META, state_dict=prefixed), {}),
            "bare": (state, {}),
            "timm": (timm_state(model, state), legacy),
        }
        for kind, (obj, how) in files.items():
            path = args.folder / f"{model}.{kind}.pth"
            torch.save(obj, path, **how)
            print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
