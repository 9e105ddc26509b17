"""Writes what timm publishes, of checkpoints that zoo has too, on other sets than ImageNet's own.

    benchmarks.py RESULTS zoo.toml catalogue/timm.toml > registry/benchmarks.tsv

RESULTS is the folder results of github.com/huggingface/pytorch-image-models. A row is tied to a network of timm by the address of the checkpoint alone: the one that OpenMMLab names as
the source of its file, or that the row itself downloads, must be the one that timm's configuration
of that network names. What stands in the way of that is left out, and said: an address of others that
two rows name (OpenMMLab's index names some by mistake), another number of parameters, another input,
other mean and deviation, or an accuracy on ImageNet's own images that is another one.
"""

import collections
import csv
import math
import pathlib
import re
import sys
import tomllib

from timm.models import get_pretrained_cfg, list_pretrained

# Names of benchmarks as internal/dataset has them, and timm's files.
BENCHMARKS = {
    "ImageNet-A": "imagenet-a",
    "ImageNet-R": "imagenet-r",
    "ImageNet-Sketch": "sketch",
    "ImageNetV2 matched-frequency": "imagenetv2-matched-frequency",
    "ImageNet-Real": "imagenet-real",
}
APART = 1.5  # points between two accuracies on the same images that resizing may explain


def configurations():
    """timm's networks by the addresses of their checkpoints."""
    found = collections.defaultdict(list)
    for name in list_pretrained():
        c = get_pretrained_cfg(name)
        for address in {c.url, f"https://huggingface.co/timm/{name}"} - {None, ""}:
            found[address].append((name, c))
    return found


def results(folder, file):
    """The results of a set by network and side of the input; None where there are two of these."""
    found = {}
    with open(folder / f"results-{file}.csv", newline="") as f:
        for row in csv.DictReader(f):
            key = row["model"], int(row["img_size"])
            found[key] = None if key in found else row
    return found


def differs(row, c, r, own):
    """Why a figure is not one of this row, or of timm's own; None where it is."""
    i, p = row["input"], row["published"]
    if any(abs(a / 255 - b) > 1e-4 for a, b in zip(i["mean"] + i["std"], c.mean + c.std)):
        return "another mean or deviation"
    if own:  # though parameters may be counted in another form
        return None
    if "params_m" not in p or abs(float(p["params_m"]) - float(r["param_count"].replace(",", ""))) > 0.0101:  # both are rounded
        return f"{r['param_count']} million parameters, not {p.get('params_m')}"
    return None


def pixels(c, r):
    """How timm made the input, in words."""
    size = int(r["img_size"])
    if c.crop_mode == "squash":
        return f"{size} pixels, both edges resized to {math.floor(size / float(r['crop_pct']))}, {r['interpolation']}"
    return f"{size} pixels of a shorter edge of {math.floor(size / float(r['crop_pct']))}, {r['interpolation']}"


def address(row):
    """Where timm has a row's checkpoint, if it has it: its own files on the hub by their repository."""
    url = row["weights"].get("converted_from", row["weights"].get("url", ""))
    hub = re.fullmatch(r"hf://timm/([^/]+)/model\.safetensors", url)
    return f"https://huggingface.co/timm/{hub[1]}" if hub else url


def main(folder, *catalogues):
    folder = pathlib.Path(folder)
    rows = {}
    for catalogue in catalogues:
        rows |= {n: r for n, r in tomllib.loads(pathlib.Path(catalogue).read_text()).items() if "weights" in r}
    by_benchmark = {name: results(folder, file) for name, file in BENCHMARKS.items()}
    own = results(folder, "imagenet")
    known = configurations()

    times = collections.Counter(address(r) for n, r in rows.items() if not n.startswith("timm/"))
    print("# What timm's results (huggingface/pytorch-image-models, results/, Apache-2.0) have of checkpoints that are rows'")
    print("# too: golden/gen/benchmarks.py says how they are tied. Percent, Top-1 and Top-5 of each set.")
    print("\t".join(["name", "sha256", "timm", "pixels", *BENCHMARKS]))
    for name, row in rows.items():
        for network, c in known[address(row)]:
            key = network, row["input"]["crop"]
            r = own.get(key)
            if r is None:
                why = f"not one result with {key[1]} pixels"
            elif times[address(row)] > 1 and not name.startswith("timm/"):
                why = "an address that several rows name"
            else:
                why = differs(row, c, r, name.startswith("timm/"))
            if why is None and abs(float(row["published"]["top1"]) - float(r["top1"])) > APART:
                why = f"Top-1 {r['top1']} on ImageNet's own images, not {row['published']['top1']}"
            figures = [by_benchmark[b].get(key) for b in BENCHMARKS]
            if why is None and not all(f and f["crop_pct"] == r["crop_pct"] for f in figures):
                why = "results of several inputs"
            if why is not None:
                print(f"left out {name}, {network}: {why}", file=sys.stderr)
                continue
            print("\t".join([name, row["weights"].get("sha256", "-"), network, pixels(c, r), *(f"{f['top1']} {f['top5']}" for f in figures)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
