"""Writes goldens of other projects' networks, which prove the recipes that rename their checkpoints.

    foreign.py -o DIR PROJECT NETWORK MODEL   such as: timm cspresnet50 cspresnet50_3rdparty_8xb32_in1k
    foreign.py -o DIR mmpretrain OPTION MODEL ... MODEL itself, with an option of its backbone switched on
    foreign.py -o DIR transformers resnet18 MODEL   a network of CONFIGS; needs the package transformers
    foreign.py -o DIR timm vit_base_patch16_224 MODEL --set global_pool=avg   a network that is told something
    foreign.py -o DIR microsoft swin_tiny_patch4_window7_224 MODEL   timm's network under its authors' names, which timm reads

MODEL may be an architecture of zoo, where it has no published model of one.

The network carries synthetic weights by its own project's names, so that a reader
who makes the same weights and renames them for MODEL must get the same logits.
The metadata add "project", "network" and "state_dict": lines "name dtype shape", in
order; for transformers also "config", the config.json that goes with it, and "tables" for what the
network computes itself and keeps in its state dict: numbers, and the names that have them. There are no probes: module paths differ between projects.
"""

import argparse
import json
import pathlib
import re

import numpy as np
import torch
import zstandard

import golden
import synthetic

SEED = 0

# Networks of transformers by the class they are of and what differs from its defaults.
CONFIGS = {
    "resnet18": ("ResNet", {"depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512], "layer_type": "basic"}),
    "resnet50": ("ResNet", {}),
    "convnext_tiny": ("ConvNext", {}),
    "convnextv2_atto": ("ConvNextV2", {"depths": [2, 2, 6, 2], "hidden_sizes": [40, 80, 160, 320]}),
    "regnetx_004": ("RegNet", {"depths": [1, 2, 7, 12], "hidden_sizes": [32, 64, 160, 384], "groups_width": 16, "layer_type": "x"}),
    "regnety_002": ("RegNet", {"depths": [1, 1, 4, 7], "hidden_sizes": [24, 56, 152, 368], "groups_width": 8}),
    # At 64 pixels no block halves an odd side, and none has a border of its own.
    "efficientnet_b0": ("EfficientNet", {"width_coefficient": 1.0, "depth_coefficient": 1.0, "hidden_dim": 1280, "image_size": 64}),
    "vit_tiny": ("ViT", {"hidden_size": 192, "num_attention_heads": 3, "intermediate_size": 768}),
    "vit_tiny_eps1e-6": ("ViT", {"hidden_size": 192, "num_attention_heads": 3, "intermediate_size": 768, "layer_norm_eps": 1e-6}),
    "swin_tiny": ("Swin", {}),
    "deit_tiny_distilled": ("DeiT", {"hidden_size": 192, "num_attention_heads": 3, "intermediate_size": 768}),
    "poolformer_s12": ("PoolFormer", {}),
    "mobilenet_v2": ("MobileNetV2", {"tf_padding": False, "layer_norm_eps": 1e-5}),
}


def build(project, network, model, eps, kwargs):
    """Returns an untrained network in evaluation mode, and the project's version."""
    if project == "mmpretrain":
        import mmpretrain

        net = mmpretrain.get_model(model, pretrained=False, backbone={network: True})
        version = f"mmpretrain {mmpretrain.__version__}"
    elif project in ("timm", "microsoft"):
        import timm

        net, version = timm.create_model(network, num_classes=1000, **kwargs), f"timm {timm.__version__}"
    elif project == "transformers":
        import transformers

        family, changes = CONFIGS[network]
        config = getattr(transformers, family + "Config")(num_labels=1000, **changes)
        kind = "ForImageClassificationWithTeacher" if network.endswith("_distilled") else "ForImageClassification"
        net, version = getattr(transformers, family + kind)(config), f"transformers {transformers.__version__}"
    else:
        import torchvision

        if network == "inception_v3":
            kwargs["init_weights"] = False
        net, version = torchvision.models.get_model(network, **kwargs), f"torchvision {torchvision.__version__.split('+')[0]}"
    for module in net.modules():
        if eps and isinstance(module, torch.nn.BatchNorm2d):
            module.eps = eps
    return net.eval(), version


def computed(net):
    """Returns the tables in a state dict that the network computes, each with the names that have it."""
    tables = {}
    for name, v in net.state_dict().items():
        if name in golden.computed(net):
            tables.setdefault(tuple(v.flatten().tolist()), []).append(name)
    return [{"numbers": list(k), "names": names} for k, names in tables.items()]


def described(net, project, network, model, version, shape, seed, noise, rename=str):
    """Returns the metadata of a golden of a network on synthetic weights."""
    lines = [f"{rename(name)} {str(v.dtype).removeprefix('torch.')} {'x'.join(map(str, v.shape)) or '-'}" for name, v in net.state_dict().items()]
    metadata = {
        "format": "zoo-golden/1",
        "model": model,
        "weights": f"synthetic:{seed}",
        "input": f"synthetic:{seed}",
        "shape": "x".join(map(str, shape)),
        "framework": f"{version}, torch {torch.__version__.split('+')[0]}",
        "noise": f"{noise:.4g}",
        "project": project,
        "network": network,
        "state_dict": "\n".join(lines),
    }
    if tables := computed(net):
        metadata["tables"] = json.dumps(tables, separators=(",", ":"))
    return metadata


def authors(name):
    """Returns what the authors of Swin call a tensor of timm's: their stages end with the merging of patches."""
    name = re.sub(r"layers\.(\d)\.downsample", lambda m: f"layers.{int(m[1]) - 1}.downsample", name)
    return name.replace("head.fc.", "head.")


def outcome(y):
    return getattr(y, "logits", y).numpy()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("project", choices=["microsoft", "mmpretrain", "timm", "torchvision", "transformers"])
    p.add_argument("network")
    p.add_argument("model")
    p.add_argument("-o", "--out", required=True, type=pathlib.Path)
    p.add_argument("--shape", default="1x3x64x64", help="of the synthetic input")
    p.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="what timm or torchvision is told")
    p.add_argument("--bn-eps", type=float, help="where the project's own is not the model's")
    args = p.parse_args()
    shape = tuple(map(int, args.shape.split("x")))
    told = {k: int(v) if v.isdigit() else v for k, v in (s.split("=") for s in args.set)}
    torch.set_num_threads(1)
    net, version = build(args.project, args.network, args.model, args.bn_eps, told)
    rename = authors if args.project == "microsoft" else str
    if args.project == "microsoft":
        from timm.models.swin_transformer import checkpoint_filter_fn

        theirs = {rename(k): torch.from_numpy(synthetic.tensor(rename(k), tuple(v.shape), SEED)) for k, v in net.state_dict().items()}
        net.load_state_dict(checkpoint_filter_fn(theirs, net))
    else:
        net.load_state_dict(golden.synthetic_state(net, SEED))
    x = torch.from_numpy(synthetic.network_input(shape, SEED))
    with torch.inference_mode():
        noisy = outcome(net.float()(x))
        logits = outcome(net.double()(x.double()))
    noise = np.abs(noisy - logits).max() / np.abs(logits).max()
    metadata = described(net.float(), args.project, args.network, args.model, version, shape, SEED, noise, rename)
    if args.project == "transformers":
        config = {k: v for k, v in net.config.to_dict().items() if k not in ("id2label", "label2id", "transformers_version")}
        metadata["config"] = json.dumps(config, sort_keys=True)
    data = golden.encode({"logits": logits}, metadata)
    data = zstandard.ZstdCompressor(level=19).compress(data)
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / f"{'.'.join([args.project, args.network, *map(str, told.values())])}.safetensors.zst"
    path.write_bytes(data)
    print(f"{path}: {len(data)} bytes, {len(net.state_dict())} tensors, noise {noise:.2g}, spread {logits.std():.3g}")


if __name__ == "__main__":
    main()
