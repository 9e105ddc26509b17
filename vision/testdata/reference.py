"""Writes reference.tsv: what the preprocessing of every row of zoo.toml makes of awkward pictures.

Run in this folder, with the packages of ../../golden/gen/requirements.txt, on a processor with AVX-512
(see ResizeOpenCV):

    python reference.py

The libraries compute everything: mmpretrain the test pipeline and the data preprocessor of each
configuration file, timm and torchvision the transforms of their weights. Nothing is repeated here but
the pictures. A line is a preprocessing, in the words of docs/json.md, with

    input     a digest of its float32 tensors (3,H,W) of all pictures, one behind the other
    PICTURE   a digest of the uint8 RGB (H,W,3) after resize and crop; - where the library fails
    models    the models whose preprocessing it is

A digest is the CRC-32 of numbers, little-endian, which is computed fast everywhere; before those of a
picture goes its size as text, such as "224x256 " for 224 columns.
"""

import json
import math
import pathlib
import sys
import tempfile
import tomllib
import zlib

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
from timm.data.loader import PrefetchLoader, fast_collate
from transformers import ConvNextImageProcessorPil, ViTImageProcessorPil

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "golden" / "gen"))

import networks  # noqa: E402
import pixels  # noqa: E402
import rows  # noqa: E402

# EXIF data: orientation 6, to be turned by 90 degrees clockwise.
TURNED = bytes.fromhex("ffe1 0022 457869660000 4d4d002a00000008 0001 0112 0003 00000001 00060000 00000000")
# Examples of every crop mode, interpolation, mean and deviation of timm's models, of percentages that are
# cut to whole pixels, and of one above 1; no model of timm has the crop mode "border".
TIMM = [
    "beitv2_base_patch16_224.in1k_ft_in22k_in1k",
    "beit_base_patch16_224.in22k_ft_in22k_in1k",
    "gernet_l.idstcv_in1k",
    "tf_efficientnet_lite3.in1k",
    "vit_base_patch16_224_miil.in21k_ft_in1k",
    "mobilevit_xxs.cvnets_in1k",
    "dpn68.mx_in1k",
    "convnext_base.clip_laion2b_augreg_ft_in12k_in1k",
    "convnext_base.clip_laion2b_augreg_ft_in12k_in1k_384",
    "coat_lite_medium_384.in1k",
    "vit_medium_patch16_gap_384.sw_in12k_ft_in1k",
    "volo_d4_448.sail_in1k",
]
BORDERS = [("border", 1.0), ("border", 0.875), ("border", 1.15), ("squash", 0.95), ("squash", 1.15)]
TORCHVISION = [
    "resnet50.IMAGENET1K_V2",
    "efficientnet_b1.IMAGENET1K_V1",
    "efficientnet_v2_l.IMAGENET1K_V1",
    "inception_v3.IMAGENET1K_V1",
    "swin_s.IMAGENET1K_V1",
    "vit_l_16.IMAGENET1K_SWAG_E2E_V1",
]

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


def digest(w, h, array, before=0):
    """Returns the digest of an array that is made of a picture, or of several behind one another."""
    return zlib.crc32(np.ascontiguousarray(array).tobytes(), zlib.crc32(f"{w}x{h} ".encode(), before))


def line(paths, apply):
    """Returns input and pictures of a line; apply(path) returns RGB (H,W,3) and a tensor (3,H,W), or None."""
    total, digests = 0, []
    for path in paths.values():
        if (made := apply(path)) is None:
            digests.append("-")
            continue
        rgb, tensor = made
        h, w, _ = rgb.shape
        assert rgb.dtype == np.uint8 and tensor.dtype == np.float32 and tensor.shape == (3, h, w), (rgb.dtype, tensor.shape)
        total = digest(w, h, tensor, total)
        digests.append(f"{digest(w, h, rgb):08x}")
    return [f"{total:08x}", *digests]


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


def fits(words, mean, std):
    """Returns the words of a preprocessing (resize and crop are there) of a PIL image whose levels are divided by 255, and of levels."""
    tail = {"exif": "ignore"}  # neither library turns pictures
    divided = words | {"order": "rgb", "scale": 1 / 255, "mean": list(mean), "std": list(std)} | tail
    levels = words | {"order": "rgb", "scale": 1, "mean": [255 * x for x in mean], "std": [255 * x for x in std]} | tail
    return divided, levels


def of_timm(name, mode=None, percent=None):
    """Yields name, words and function of a model of timm: as its evaluation normalises, and as its transforms do."""
    data = timm.data.resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(name).to_dict())
    data |= {k: v for k, v in (("crop_mode", mode), ("crop_pct", percent)) if v}
    _, side, other = data["input_size"]
    assert side == other, data
    kind, fill = {"center": ("short", "black"), "squash": ("both", "black"), "border": ("long", "mean")}[data["crop_mode"]]
    resize = {"kind": kind, "edge": math.floor(side / data["crop_pct"]), "padding": 0, "interpolation": data["interpolation"], "backend": "pillow"}
    words = {"resize": resize, "crop": side} | ({"fill": fill} if resize["edge"] < side or kind == "long" else {})
    divided, levels = fits(words, data["mean"], data["std"])
    whole, bytes_only = (timm.data.create_transform(**data, use_prefetcher=p) for p in (False, True))

    def transforms(path):
        image = Image.open(path).convert("RGB")
        try:
            return bytes_only(image).numpy().transpose(1, 2, 0), whole(image).numpy()
        except ValueError:  # no row of pixels is left
            return None

    def evaluation(path):
        if (made := transforms(path)) is None:
            return None
        batch = fast_collate([(torch.from_numpy(made[0].transpose(2, 0, 1)), 0)])
        ((tensor, _),) = PrefetchLoader([batch], data["mean"], data["std"], device=torch.device("cpu"))
        return made[0], tensor[0].numpy()

    name = "-".join(str(x) for x in (f"timm/{name}", mode, percent) if x)
    yield name, levels, evaluation
    yield name + "-transforms", divided, transforms


def of_torchvision(name):
    """Returns name, words and function of weights of torchvision."""
    builder, _, weights = name.partition(".")
    preset = torchvision.models.get_model_weights(builder)[weights].transforms()
    resize = {"kind": "short", "edge": preset.resize_size[0], "padding": 0, "interpolation": preset.interpolation.value, "backend": "pillow"}
    words, _ = fits({"resize": resize, "crop": preset.crop_size[0]}, preset.mean, preset.std)

    def apply(path):
        tensor = preset(Image.open(path).convert("RGB"))
        levels = 255 * (tensor * torch.tensor(preset.std).view(3, 1, 1) + torch.tensor(preset.mean).view(3, 1, 1))
        return levels.round().to(torch.uint8).numpy().transpose(1, 2, 0), tensor.numpy()

    return f"torchvision/{name}", words, apply


def of_transformers():
    """Yields name, words and function of the processors of transformers, in its Pillow backend."""
    tail = {"order": "rgb", "scale": 1, "mean": [127.5] * 3, "std": [127.5] * 3, "exif": "ignore"}  # both libraries' default
    for name, processor, kind, edge, crop, interpolation in (
        ("ConvNext-224", ConvNextImageProcessorPil(size={"shortest_edge": 224}, crop_pct=0.95), "short", 235, 224, "bicubic"),
        ("ConvNext-384", ConvNextImageProcessorPil(), "both", 384, 384, "bicubic"),
        ("ViT", ViTImageProcessorPil(), "both", 224, 224, "bilinear"),
    ):
        resize = {"kind": kind, "edge": edge, "padding": 0, "interpolation": interpolation, "backend": "pillow"}
        words = {"resize": resize, "crop": crop} | ({"middle": "down"} if kind == "short" else {}) | tail

        def apply(path, processor=processor):
            image = Image.open(path).convert("RGB")
            try:
                levels = processor(image, do_rescale=False, do_normalize=False, return_tensors="np")["pixel_values"][0]
            except ValueError:  # no row of pixels is left
                return None
            rgb = levels.astype(np.uint8).transpose(1, 2, 0)
            return rgb, ((levels.astype(np.float32) - np.float32(127.5)) / np.float32(127.5))  # its own are float64 before they are cast

        yield f"transformers/{name}", words, apply


def foreign():
    """Yields name, words and function of timm's, torchvision's and transformers' examples, and of the rows of zoo.toml that are theirs."""
    yield from of_transformers()
    named = [n.split("/", 1) for n in tomllib.loads((ROOT / "zoo.toml").read_text()) if "/" in n]
    for name in TIMM + [n for source, n in named if source == "timm" and n not in TIMM]:
        yield from of_timm(name)
    for mode, percent in BORDERS:
        yield from of_timm(TIMM[0], mode, percent)
    for name in TORCHVISION + [n for source, n in named if source == "torchvision" and n not in TORCHVISION]:
        yield of_torchvision(name)


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
        for name, words, apply in foreign():
            print(name, words, file=sys.stderr, flush=True)
            models.setdefault((json.dumps(words), *line(paths, apply)), []).append(name)
    versions = f"mmpretrain {mmpretrain.__version__}, OpenCV {cv2.__version__}, Pillow {PIL.__version__}, timm {timm.__version__}, torchvision {torchvision.__version__}"
    out = ["# Written by reference.py, which says what this is, with " + versions, "\t".join(["preprocessing", "input", *paths, "models"])]
    out += ["\t".join([*fields, " ".join(names)]) for fields, names in models.items()]
    to.write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
