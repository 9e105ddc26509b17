"""Writes reference.tsv: what the preprocessing of every row of zoo.toml makes of awkward pictures.

Run in this folder, with the packages of ../../golden/gen/requirements.txt, timm and torchvision, on a
processor with AVX-512 (see ResizeOpenCV):

    python reference.py

The libraries compute everything: mmpretrain the test pipeline and the data preprocessor of each
configuration file, timm and torchvision the transforms of their weights. Nothing is repeated here but
the pictures. A line is a preprocessing, in the words of docs/json.md, with

    input     a digest of its float32 tensors (3,H,W) of all pictures, one behind the other
    PICTURE   a digest of the uint8 RGB (H,W,3) after resize and crop; - where the library fails
    models    the models whose preprocessing it is

A digest is the first 12 digits of the SHA-256 of numbers, little-endian; before those of a tensor goes
its size as text, such as "224x256 " for 224 columns.
"""

import hashlib
import json
import pathlib
import sys
import tempfile
import tomllib

import cv2
import mmpretrain
import numpy as np
import PIL
import timm
import torch
import torchvision
from mmengine import Config
from mmengine.dataset import Compose, pseudo_collate
from mmpretrain.registry import MODELS, TRANSFORMS
from PIL import Image
from safetensors.numpy import load_file

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "golden" / "gen"))

import networks  # noqa: E402
import pixels  # noqa: E402
import rows  # noqa: E402

# EXIF data: orientation 6, to be turned by 90 degrees clockwise.
TURNED = bytes.fromhex("ffe1 0022 457869660000 4d4d002a00000008 0001 0112 0003 00000001 00060000 00000000")
FILES = ["grey.jpg", "grey-alpha.png", "rgba.png", "orientation-6.jpg"]  # of golden.safetensors, at most 23x17
DRAWN = [(1021, 767), (256, 256), (3, 61), (97, 1), (1, 1)]


def drawn(w, h):
    """Returns a picture (H,W,3) of integers alone: see drawn in reference_test.go."""
    y, x, c = np.mgrid[:h, :w, :3]
    return ((x * x + 3 * y * y + 5 * (c + 1) * x * y) >> 5).astype(np.uint8)


def pictures(folder):
    """Writes all pictures as files, and returns their paths by name."""
    cat = (ROOT / "cmd" / "zoo" / "embedded" / "chelsea.jpg").read_bytes()
    data = {"chelsea.jpg": cat, "chelsea.jpg-turned": cat[:2] + TURNED + cat[2:]}
    golden = load_file(HERE / "golden.safetensors")
    data |= {name: golden[f"file/{name}"].tobytes() for name in FILES}
    for w, h in DRAWN:
        data[f"{w}x{h}"] = cv2.imencode(".png", drawn(w, h)[..., ::-1])[1].tobytes()
    for name, content in data.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in data}


class Digest:
    """What the first digits of a SHA-256 say of arrays."""

    def __init__(self):
        self.sha = hashlib.sha256()

    def add(self, w, h, array):
        self.sha.update(f"{w}x{h} ".encode() + np.ascontiguousarray(array).tobytes())

    def __str__(self):
        return self.sha.hexdigest()[:12]


def line(paths, apply):
    """Returns input and pictures of a line; apply(path) returns RGB (H,W,3) and a tensor (3,H,W), or None."""
    total, digests = Digest(), []
    for path in paths.values():
        if (made := apply(path)) is None:
            digests.append("-")
            continue
        rgb, tensor = made
        h, w, _ = rgb.shape
        assert rgb.dtype == np.uint8 and tensor.dtype == np.float32 and tensor.shape == (3, h, w), (rgb.dtype, tensor.shape)
        one = Digest()
        one.add(w, h, rgb)
        total.add(w, h, tensor)
        digests.append(str(one))
    return [str(total), *digests]


def mmpretrain_models():
    """Returns test pipeline and data preprocessor of every model of mmpretrain's index that has figures on ImageNet."""
    found = {}
    for models in rows.metafiles().values():
        for model in models:
            if rows.imagenet(model) is None:
                continue
            config = Config.fromfile(rows.MIM / model["Config"], lazy_import=False)  # RepLKNet's import something
            pre = config.model.get("data_preprocessor") or config.data_preprocessor
            found[model["Name"]] = config.test_dataloader.dataset.pipeline, dict(pre, type="ClsDataPreprocessor")
    for name in [*networks.NANOS, *networks.LITES]:
        steps, module = pixels.pipeline(name)
        mean, std = (getattr(module, k).flatten().tolist() for k in ("mean", "std"))
        found[name] = steps, dict(type="ClsDataPreprocessor", mean=mean, std=std, to_rgb=module.to_rgb)
    return found


def of_mmpretrain(steps, pre):
    """Returns zoo's words for a preprocessing of mmpretrain, and the function that does it."""
    words, crop = rows.resizing(steps)
    resize = {"kind": "", "edge": 0, "padding": 0} | tomllib.loads(f"resize = {words}")["resize"]
    order = "rgb" if pre["to_rgb"] else "bgr"
    words = {"resize": resize, "crop": crop, "order": order, "scale": 1, "mean": list(pre["mean"]), "std": list(pre["std"]), "exif": "apply"}
    prepare = Compose([TRANSFORMS.build(dict(t)) for t in steps])
    module = MODELS.build({k: v for k, v in pre.items() if k not in ("num_classes", "to_onehot")})

    def apply(path):
        try:
            packed = prepare(dict(img_path=str(path)))
        except cv2.error:  # EfficientNetCenterCrop takes nothing of one row
            return None
        bgr = packed["inputs"].numpy()
        tensor = module(pseudo_collate([packed]))["inputs"]
        return bgr[::-1].transpose(1, 2, 0), tensor[0].numpy()

    return words, apply


def main(to=HERE / "reference.tsv"):
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        paths = pictures(pathlib.Path(folder))
        lines, models = {}, {}
        for name, (steps, pre) in mmpretrain_models().items():
            words, apply = of_mmpretrain(steps, pre)
            # What differs in the reference is computed apart, whatever zoo's words for it are.
            key = json.dumps([[dict(s) for s in steps], pre], default=str, sort_keys=True)
            if key not in lines:
                print(name, words, file=sys.stderr, flush=True)
                lines[key] = [json.dumps(words), *line(paths, apply)]
            models.setdefault(tuple(lines[key]), []).append(name)
    versions = f"mmpretrain {mmpretrain.__version__}, OpenCV {cv2.__version__}, Pillow {PIL.__version__}, timm {timm.__version__}, torchvision {torchvision.__version__}"
    out = ["# Written by reference.py, which says what this is, with " + versions, "\t".join(["preprocessing", "input", *paths, "models"])]
    out += ["\t".join([*fields, " ".join(names)]) for fields, names in models.items()]
    to.write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
