"""Writes the catalogues of timm and torchvision: catalogue/timm.toml and torchvision.toml.

    go run ./names > NAMES
    zoos.py NAMES RESULTS -o DIR

NAMES holds the networks that zoo's recipes are for, a line each: project, network, family and
architecture here. RESULTS is the folder results of a checkout of huggingface/pytorch-image-models; its
commit is stated as the source of timm's figures. All else comes from the installed packages: the sizes,
crops, means and licences of timm's pretrained_cfg, and the weights, figures and transforms of torchvision.

A row of timm is of the hub's model.safetensors, at the size of input_size; a second one, whose name
ends with the size, where test_input_size is another. A file's digest is what the hub states when it is fetched.
"""

import argparse
import csv
import math
import pathlib
import subprocess

import timm
import torchvision
import zstandard

HEAD = """# The networks of {project} that zoo computes, as {project} {version} lists them. Written by golden/gen/zoos.py.
# A name without a tag stands for the weights that {project} takes where none are named.
"""


# Why figures cannot be reproduced.
NOTES = {"inception_v3": "the published parameters hold those of the auxiliary classifier, which training alone uses"}
NOTES |= {f"swin_v2_{size}": "the published parameters hold biases of keys, which the network sets to zero" for size in "tsb"}
NOTES |= {f"tiny_vit_21m_{size}": "the published FLOPs are of the network whose convolutions have taken in their norms" for size in (224, 384, 512)}
NOTES |= {f"levit{kind}_384": "the published parameters are of the network whose classifiers have taken in their norms, too" for kind in ("", "_conv")}
NOTES |= {f"convmixer_{name}": "timm's counter does not see depthwise convolutions whose border is \"same\", which are an operator of their own" for name in ("768_32", "1024_20_ks9_p14", "1536_20")}
# Families that timm counts in the form that they are fused to.
DEPLOYED = ("repvgg", "mobileone", "levit")


def quoted(text):
    return '"' + str(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def statistics(mean, std):
    """Writes mean and deviation of values from 0 to 1 as those of bytes, which is how timm's evaluation normalises."""
    return [f"{key} = [" + ", ".join(f"{round(255 * v, 6):.9g}" for v in values) + "]" for key, values in (("mean", mean), ("std", std))]


def divided(mean, std):
    """Writes mean and deviation of values from 0 to 1 as they are, of bytes that are divided by 255: torchvision's way."""
    return [f"scale = {1 / 255!r}"] + [f"{key} = [" + ", ".join(f"{v:.9g}" for v in values) + "]" for key, values in (("mean", mean), ("std", std))]


def row(name, family, arch, weights, size, resize, normalise, published):
    lines = [f"[{quoted(name)}]", f"family = {quoted(family)}", f"arch = {quoted(arch)}", "classes = 1000", 'labels = "imagenet-1k"']
    lines += [f"[{quoted(name)}.weights]"] + [f"{k} = {v if isinstance(v, int) else quoted(v)}" for k, v in weights.items() if v]
    lines += [f"[{quoted(name)}.input]", "resize = { " + ", ".join(f"{k} = {v if isinstance(v, int) else quoted(v)}" for k, v in resize.items()) + " }"]
    lines += [f"crop = {size}", *normalise, 'order = "rgb"', 'exif = "ignore"']
    lines += [f"[{quoted(name)}.published]"] + [f"{k} = {v if isinstance(v, int) else quoted(v)}" for k, v in published.items() if v not in (None, "")]
    return "\n".join(lines) + "\n"


def choose(candidates, size):
    """Returns the family and architecture of a network whose tensors depend on the size."""
    fits = [c for c in candidates if c[1].endswith(f"-{size}px")]
    fits = fits or [c for c in candidates if not c[1].endswith("px")] or candidates
    return next((c for c in fits if not c[1].startswith("deit-")), fits[0])


class Results:
    """The figures that timm's maintainers measured."""

    def __init__(self, folder):
        self.commit = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
        read = lambda p: list(csv.DictReader(p.open()))
        self.accuracy = {(r["model"], int(r["img_size"])): r for r in read(folder / "results-imagenet.csv")}
        self.accuracy |= {(r["model"], int(r["img_size"]), r["crop_pct"]): r for r in read(folder / "results-imagenet.csv")}
        self.costs = {}
        newest = sorted(folder.glob("benchmark-infer-*.csv"), key=lambda p: p.name.split("-pt")[1], reverse=True)
        for path in newest:
            for r in read(path):
                if r.get("infer_gmacs"):
                    self.costs.setdefault((r["model"].split(".")[0], int(r["infer_img_size"])), (r["infer_gmacs"], r["param_count"].replace(",", "")))

    def cost(self, arch, size):
        return self.costs.get((arch, size), (None, None))

    def of(self, model, size, crop):
        a = self.accuracy.get((model, size, f"{crop:.3f}"), {})
        return a.get("top1"), a.get("top5"), a.get("param_count", "").replace(",", "")


def timm_rows(names, folder):
    results = Results(folder)
    source = f"pytorch-image-models, results at {results.commit[:12]}"
    aliases = {}
    for model in sorted(timm.list_pretrained()):
        arch = model.split(".")[0]
        cfg = timm.get_pretrained_cfg(model)
        if arch not in names or cfg.num_classes != 1000 or not cfg.hf_hub_id:
            continue
        if timm.get_pretrained_cfg(arch).tag == cfg.tag:
            aliases[f"timm/{arch}"] = f"timm/{model}"
        sizes = [(cfg.input_size, cfg.crop_pct)]
        if cfg.test_input_size and cfg.test_input_size != cfg.input_size:
            sizes.append((cfg.test_input_size, cfg.test_crop_pct or cfg.crop_pct))
        for (_, height, width), crop in sizes:
            assert height == width, model
            family, ours = choose(names[arch], cfg.input_size[1])
            top1, top5, params = results.of(model, height, crop)
            macs, counted = results.cost(arch, height)
            form = None
            if family in DEPLOYED and macs and counted != params:
                params, form = counted, "deploy"
            weights = {"url": f"hf://timm/{model}/model.safetensors", "licence": cfg.license, "container": "safetensors", "recipe": "timm"}
            resize = {"kind": "both" if cfg.crop_mode == "squash" else "short", "edge": math.floor(height / crop), "interpolation": cfg.interpolation, "backend": "pillow"}
            published = {"params_m": params, "flops_g": macs, "flops_convention": "timm", "flops_size": height, "form": form, "top1": top1, "top5": top5,
                         "images": 50000 if top1 else None, "source": source if top1 or macs else None, "note": NOTES.get(arch)}
            name = f"timm/{model}" + ("" if height == cfg.input_size[1] else f"-{height}px")
            yield name, row(name, family, ours, weights, height, resize, statistics(cfg.mean, cfg.std), published)
    yield aliases


def torchvision_rows(names):
    source = f"torchvision {torchvision.__version__.split('+')[0]}, metadata of the weights"
    aliases = {}
    for network in torchvision.models.list_models(module=torchvision.models):
        if network not in names:
            continue
        builder = torchvision.models.get_model_weights(network)
        for w in builder:
            figures = w.meta["_metrics"].get("ImageNet-1K", {})
            if len(w.meta["categories"] or ()) != 1000 or math.isnan(figures.get("acc@1", math.nan)):  # a backbone alone
                continue
            t = w.transforms()
            (size,), (edge,) = t.crop_size, t.resize_size
            family, ours = choose(names[network], size)
            mean, std = t.mean, t.std
            if network in ("inception_v3", "googlenet"):  # which undo what the transform does, with weights
                mean = std = [0.5] * 3
            name = f"torchvision/{network}.{w.name}"
            if w is builder.DEFAULT:
                aliases[f"torchvision/{network}"] = name
            prefix = w.url.rsplit("-", 1)[1].removesuffix(".pth")[:8]  # some names carry more
            weights = {"url": w.url, "sha256": prefix, "licence": licence(w), "recipe": "torchvision"}
            resize = {"kind": "short", "edge": edge, "interpolation": t.interpolation.value, "backend": "pillow"}
            published = {"params_m": f"{w.meta['num_params'] / 1e6:.6f}", "flops_g": str(w.meta["_ops"]), "flops_convention": "torchvision", "flops_size": size,
                         "top1": f"{figures['acc@1']}", "top5": f"{figures['acc@5']}", "images": 50000, "source": source, "note": NOTES.get(network)}
            yield name, row(name, family, ours, weights, size, resize, divided(mean, std), published)
    yield aliases


def licence(w):
    """Returns what torchvision says of the weights' licence: for SWAG's alone it says something."""
    return "CC-BY-NC-4.0" if "SWAG" in w.name else None


def write(path, project, version, rows):
    *rows, aliases = rows
    text = HEAD.format(project=project, version=version) + "\n[aliases]\n" + "".join(f"{quoted(k)} = {quoted(v)}\n" for k, v in sorted(aliases.items()))
    text += "".join("\n" + r for _, r in sorted(rows))
    path.write_text(text)
    path.with_suffix(".toml.zst").write_bytes(zstandard.ZstdCompressor(level=19).compress(text.encode()))
    print(path, len(rows), "rows")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", type=pathlib.Path)
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("-o", "--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    names = {"timm": {}, "torchvision": {}}
    for line in args.names.read_text().splitlines():
        project, network, family, arch = line.split()
        names.setdefault(project, {}).setdefault(network, []).append((family, arch))
    write(args.out / "timm.toml", "timm", timm.__version__, timm_rows(names["timm"], args.results))
    write(args.out / "torchvision.toml", "torchvision", torchvision.__version__.split("+")[0], torchvision_rows(names["torchvision"]))


if __name__ == "__main__":
    main()
