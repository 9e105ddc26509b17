"""Trains the nano CSPNets on scikit-learn's optical digits and writes what golden/ embeds of them.

    nano.py -o DIR

writes into DIR the goldens, and into DIR/nano the published-style checkpoints,
the 360 test images with their labels, and the reference's predictions on them.
Split: of the 1797 digits every fifth, from the first on, is a test image. All is
seeded and single-threaded: the same versions train the same weights and write the
same bytes, but for the legacy container, which torch orders by memory address: its
digest, and what quotes it, differ from run to run.
"""

import argparse
import hashlib
import io
import pathlib
import tempfile
import zipfile
from collections import OrderedDict

import numpy as np
import torch
from mmengine.logging import MMLogger
from mmpretrain.evaluation import Accuracy
from PIL import Image
from sklearn.datasets import load_digits
from torch.nn import functional as F

import golden
import networks
import pixels

CLASSES = [str(d) for d in range(10)]
SEEDS = dict(zip(networks.NANOS, (0, 0, 3)))
EPOCHS, BATCH, RATE, SHIFT = 12, 64, 4e-3, 2
# The first six logits of an image must differ by more than this share of the
# largest logit, or rounding could reorder them; another seed helps.
SMALLEST_GAP = 2e-5
GOLDEN_IMAGES = 8


def png(digit):
    """Returns an 8x8 greyscale PNG of a digit whose levels go from 0 to 16."""
    levels = np.round(digit * 255 / 16).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(levels, mode="L").save(out, "png", optimize=True)
    return out.getvalue()


def preprocess(name, pngs):
    """Returns what a network's test pipeline makes of PNG files, float32 (N,3,32,32)."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [pathlib.Path(folder) / f"{i}.png" for i in range(len(pngs))]
        for path, data in zip(paths, pngs):
            path.write_bytes(data)
        return pixels.preprocess(name, paths)


def shifted(x, generator):
    """Moves each image of a batch by up to SHIFT pixels; what leaves on one side enters on the other."""
    moves = torch.randint(-SHIFT, SHIFT + 1, (len(x), 2), generator=generator).tolist()
    return torch.stack([image.roll(move, (1, 2)) for image, move in zip(x, moves)])


def train(name, x, y):
    """Returns a nano network trained on x (N,3,32,32) and y (N), in evaluation mode."""
    torch.manual_seed(SEEDS[name])
    generator = torch.Generator().manual_seed(SEEDS[name])
    net, framework = networks.build(name)
    net.init_weights()
    net.train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=0.05)
    batches = len(x) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=EPOCHS * batches)
    for _ in range(EPOCHS):
        order = torch.randperm(len(x), generator=generator)
        for b in range(batches):
            pick = order[b * BATCH : (b + 1) * BATCH]
            loss = F.cross_entropy(net(shifted(x[pick], generator)), y[pick])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return net.eval(), framework


def checkpoint(name, net):
    """Returns the bytes of a published-style checkpoint; each nano network uses another container."""
    state = OrderedDict((k, v.clone()) for k, v in net.state_dict().items())
    out = io.BytesIO()
    if name.startswith("cspdarknet"):
        meta = dict(mmcls_version="0.22.0", CLASSES=list(CLASSES))
        torch.save(dict(meta=meta, state_dict=state), out, _use_new_zipfile_serialization=False)
    elif name.startswith("cspresnet-"):
        meta = dict(dataset_meta=dict(classes=tuple(CLASSES)))
        torch.save(dict(meta=meta, state_dict=state), out)
    else:
        state = OrderedDict((k, v.bfloat16() if v.is_floating_point() else v) for k, v in state.items())
        meta = dict(dataset_meta=dict(classes=tuple(CLASSES)))
        torch.save(dict(meta=meta, state_dict=state), out)
    return out.getvalue()


def write_images(path, names, pngs, labels):
    """Writes a labelled folder of images as a zip file with fixed times."""
    listing = "".join(f"{n} {label}\n" for n, label in zip(names, labels))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in [("val.txt", listing.encode()), *zip(names, pngs)]:
            info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            z.writestr(info, data)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-o", "--out", required=True, type=pathlib.Path)
    args = p.parse_args()
    MMLogger.get_current_instance().setLevel("ERROR")  # it lists every initialised weight
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    folder = args.out / "nano"
    folder.mkdir(parents=True, exist_ok=True)

    digits = load_digits()
    pngs = [png(d) for d in digits.images]
    x, y = preprocess(networks.NANOS[0], pngs), torch.from_numpy(digits.target)
    test = torch.arange(len(y)) % 5 == 0
    test_pngs = [data for data, is_test in zip(pngs, test) if is_test]
    labels = y[test].tolist()
    names = [f"val/{i:05}.png" for i in range(len(labels))]
    write_images(folder / "digits-val.zip", names, test_pngs, labels)

    columns, counts = [], []
    for name in networks.NANOS:
        net, framework = train(name, x[~test], y[~test])
        data = checkpoint(name, net)
        digest = hashlib.sha256(data).hexdigest()
        path = folder / f"{name}-{digest[:8]}.pth"
        path.write_bytes(data)
        state, weights = golden.published_state(path)
        net.load_state_dict(state)
        with torch.inference_mode():
            logits = torch.cat([net(batch) for batch in x[test].split(60)])
        percents = Accuracy.calculate(logits.softmax(1), y[test], topk=(1, 5))
        top1, top5 = (round(p[0].item() * len(labels) / 100) for p in percents)
        ranked, order = logits.sort(dim=1, descending=True)
        gap = (ranked[:, :5] - ranked[:, 1:6]).min() / logits.abs().max()
        if gap < SMALLEST_GAP:
            raise SystemExit(f"{name}: two of an image's first six logits differ by {gap:.2g}: choose another seed")
        columns.append([",".join(map(str, row)) for row in order[:, :5].tolist()])
        counts.append(f"# {name} ({weights}): Top-1 {top1}, Top-5 {top5} of {len(labels)}\n")
        print(f"{counts[-1][2:-1]}; {len(data)} bytes; smallest gap {gap:.2g} of the largest logit", flush=True)
        metadata = {
            "model": name,
            "framework": framework,
            "weights": weights,
            "input": "images:" + ",".join(names[:GOLDEN_IMAGES]),
        }
        target = args.out / f"{name}.images.safetensors.zst"
        golden.write(target, net, x[test][:GOLDEN_IMAGES].numpy(), metadata, keep_input=True)

    with open(folder / "predictions.tsv", "w") as f:
        f.writelines(counts)
        f.write("\t".join(["image", "label", *networks.NANOS]) + "\n")
        for row in zip(names, map(str, labels), *columns):
            f.write("\t".join(row) + "\n")


if __name__ == "__main__":
    main()
