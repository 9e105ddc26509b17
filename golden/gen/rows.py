"""Writes the rows of zoo.toml that come from OpenMMLab's model index, below the marker line in FILE.

    rows.py FILE

Facts are mmpretrain's own: names, addresses and figures, digit for digit, from the
metafiles; the test pipeline from each configuration file. Stated here is only what
no file says: which of the counters in metrics/ the publisher used, found by
counting, and why some figures cannot be reproduced.
"""

import pathlib
import sys

import mmpretrain
import yaml
from mmengine import Config

MIM = pathlib.Path(mmpretrain.__file__).parent / ".mim"
MARKER = "# From here on rows are written by golden/gen/rows.py.\n"
HEAD = f"""
# Models of OpenMMLab's index, as mmpretrain {mmpretrain.__version__} lists them. Licences are the
# publisher's; weights converted from others' may carry terms of their own.
"""

# Family here, OpenMMLab's collections, how FLOPs were counted, and for what square
# input: its side, or the test crop.
FAMILIES = [
    ("resnet", ["ResNet", "Wide-ResNet"], "mmcv-legacy", 224),
    ("resnet", ["BYOL", "DenseCL", "MoCoV2", "MoCoV3", "SimCLR", "SimSiam", "SwAV", "BarlowTwins", "SparK"], "mmengine", 224),
    ("resnext", ["ResNeXt"], "mmcv-legacy", 224),
    ("seresnet", ["SEResNet"], "mmcv-legacy", 224),
    ("vgg", ["VGG"], "mmcv-legacy", 224),
    ("densenet", ["DenseNet"], "mmcv-legacy", 224),
    ("mobilenet_v2", ["MobileNet V2"], "mmcv-legacy", 224),
    ("mobilenet_v3", ["MobileNet V3"], "mmcv-legacy", 224),
    ("shufflenet_v1", ["Shufflenet V1"], "mmcv-legacy", 224),
    ("shufflenet_v2", ["Shufflenet V2"], "fvcore", 224),
    ("regnet", ["RegNet"], "mmcv-legacy", 224),
    ("efficientnet", ["EfficientNet"], "mmengine-train", None),
    ("efficientnet_v2", ["EfficientNetV2"], "mmengine-train", None),
    ("convnext", ["ConvNeXt"], "mmcv-legacy", 224),
    ("convnext", ["ConvNeXt V2", "SparK"], "mmengine", None),
    ("repvgg", ["RepVGG"], "mmengine", 224),
    ("replknet", ["RepLKNet"], "mmengine-train", None),
    ("mobileone", ["MobileOne"], "mmengine", 224),
    ("mobilevit", ["MobileViT"], "mmengine", None),
    ("mixmim", ["MixMIM"], "mmengine", 224),
    ("hivit", ["HiViT"], "mmengine", 224),
    ("res2net", ["Res2Net"], "mmcv-legacy", 224),
    ("inception_v3", ["Inception V3"], "mmcv-legacy", None),
    ("conformer", ["Conformer"], "mmcv-legacy", 224),
    ("hrnet", ["HRNet"], "mmcv-legacy", 224),
    ("levit", ["LeViT"], "mmengine-train", 224),
    ("mlp_mixer", ["MLP-Mixer"], "mmcv-legacy", 224),
    ("vision_transformer", ["Vision Transformer", "DeiT", "DeiT3", "MoCoV3", "MAE", "MaskFeat", "MILAN", "MFF", "EVA"], "mmengine", None),
    ("swin", ["Swin-Transformer"], "mmcv-legacy", 224),
    ("swin", ["SimMIM"], "mmengine", 224),
    ("swin_v2", ["Swin-Transformer V2"], "mmcv-legacy", None),
    ("vision_transformer", ["CLIP"], "mmcv-legacy", None),
    ("mvit", ["MViT V2"], "mmengine", 224),
    ("xcit", ["XCiT"], "mmengine", None),
    ("edgenext", ["EdgeNeXt"], "mmcv-legacy", None),
    ("eva02", ["EVA02"], "mmengine", None),
    ("beit", ["BEiT", "BEiTv2", "CAE", "EVA"], "mmengine", None),
    ("efficientformer", ["EfficientFormer"], "mmcv-legacy", 224),
    ("revvit", ["RevViT"], "mmengine", 224),
    ("tinyvit", ["TinyViT"], "mmengine-train", None),
    ("tnt", ["Transformer in Transformer"], "mmcv-legacy", 224),
    ("t2t_vit", ["Tokens-to-Token ViT"], "mmcv-legacy", 224),
    ("twins", ["Twins"], "mmcv-legacy", 224),
    ("davit", ["DaViT"], "mmengine", 224),
    ("van", ["Visual-Attention-Network"], "mmcv-legacy", 224),
    ("poolformer", ["PoolFormer"], "mmcv-legacy", 224),
    ("riformer", ["RIFormer"], "mmengine", None),
    ("vig", ["VIG"], "mmengine", 224),
    ("hornet", ["HorNet"], "mmengine", 224),
    ("repmlp", ["RepMLP"], "mmcv-legacy", None),
    ("convmixer", ["ConvMixer"], "mmcv-legacy", 224),
]
# Families whose published figures are those of the deploy form.
DEPLOYED = ("mobileone", "repvgg", "riformer")
TITLES = {
    "resnet": "ResNet (arXiv:1512.03385), its variants, and networks of that shape under self-supervised weights.",
    "resnext": "ResNeXt (arXiv:1611.05431).",
    "seresnet": "SE-ResNet (arXiv:1709.01507).",
    "vgg": "VGG (arXiv:1409.1556).",
    "densenet": "DenseNet (arXiv:1608.06993).",
    "mobilenet_v2": "MobileNetV2 (arXiv:1801.04381).",
    "mobilenet_v3": "MobileNetV3 (arXiv:1905.02244).",
    "shufflenet_v1": "ShuffleNetV1 (arXiv:1707.01083).",
    "shufflenet_v2": "ShuffleNetV2 (arXiv:1807.11164).",
    "regnet": "RegNet (arXiv:2003.13678).",
    "efficientnet": "EfficientNet (arXiv:1905.11946).",
    "efficientnet_v2": "EfficientNetV2 (arXiv:2104.00298).",
    "convnext": "ConvNeXt (arXiv:2201.03545) and ConvNeXt V2 (arXiv:2301.00808).",
    "repvgg": "RepVGG (arXiv:2101.03697).",
    "replknet": "RepLKNet (arXiv:2203.06717).",
    "mobileone": "MobileOne (arXiv:2206.04040).",
    "mobilevit": "MobileViT (arXiv:2110.02178).",
    "mixmim": "MixMIM (arXiv:2205.13137).",
    "hivit": "HiViT (arXiv:2205.14949).",
    "res2net": "Res2Net (arXiv:1904.01169).",
    "inception_v3": "Inception-V3 (arXiv:1512.00567).",
    "conformer": "Conformer (arXiv:2105.03889).",
    "hrnet": "HRNet (arXiv:1908.07919).",
    "levit": "LeViT (arXiv:2104.01136).",
    "mlp_mixer": "MLP-Mixer (arXiv:2105.01601).",
    "efficientformer": "EfficientFormer (arXiv:2206.01191).",
    "mvit": "MViT V2 (arXiv:2112.01526).",
    "swin": "Swin Transformer (arXiv:2103.14030).",
    "beit": "BEiT (arXiv:2106.08254) and BEiT v2 (arXiv:2208.06366), CAE (arXiv:2202.03026) and EVA (arXiv:2211.07636).",
    "eva02": "EVA-02 (arXiv:2303.11331).",
    "swin_v2": "Swin Transformer V2 (arXiv:2111.09883).",
    "vision_transformer": "Vision Transformer (arXiv:2010.11929), and networks of that shape under others' weights.",
    "tinyvit": "TinyViT (arXiv:2207.10666).",
    "tnt": "Transformer in Transformer (arXiv:2103.00112).",
    "t2t_vit": "Tokens-to-Token ViT (arXiv:2101.11986).",
    "davit": "DaViT (arXiv:2204.03645).",
    "twins": "Twins (arXiv:2104.13840).",
    "poolformer": "PoolFormer (arXiv:2111.11418).",
    "riformer": "RIFormer (arXiv:2304.05659).",
    "revvit": "RevViT, reversible Vision Transformers (Mangalam et al., CVPR 2022).",
    "xcit": "XCiT (arXiv:2106.09681).",
    "edgenext": "EdgeNeXt (arXiv:2206.10589).",
    "van": "VAN (arXiv:2202.09741).",
    "vig": "ViG (arXiv:2206.00272).",
    "hornet": "HorNet (arXiv:2207.14284).",
    "repmlp": "RepMLP (arXiv:2105.01883).",
    "convmixer": "ConvMixer (arXiv:2201.09792).",
}
# How the names of a family's rows begin in collections that mix families.
ONLY = {
    ("resnet", "MoCoV3"): "resnet50",
    ("resnet", "SparK"): "resnet50",
    ("convnext", "SparK"): "convnext",
    ("vision_transformer", "MoCoV3"): "vit",
    ("vision_transformer", "EVA"): "vit",
    ("beit", "EVA"): "beit",
}
# How single rows were counted, where their family's rule does not hold.
COUNTED = {
    "mobilenet-v3-small-050_3rdparty_in1k": ("mmengine", 224, None),
    "mobilenet-v3-small-075_3rdparty_in1k": ("mmengine", 224, None),
    "repvgg-B0_8xb32_in1k": ("mmcv-legacy", 224, None),
}
SWAPPED = "the published FLOPs of the 800px and of the 475px network are each other's"
STRIDE = "counted on code that put the stride of fused blocks into their 1x1 convolutions, a mistake that was corrected later"
TWICE = "mmpretrain 1.2.0 itself takes the first norm of a layer in the place of the second: its logits are others than those of the published network"
DIVIDED = "mmpretrain 1.2.0 itself divides scores by what they were multiplied by in training: its logits are others than those of the published network"
MEAN = "the published figures leave out the norm of the mean of all patches"
NOBODY = "nobody publishes the trained weights"
PROBED = "the published figures are those of the fine-tuned network, less one norm"
LARGE = "the published parameters are a slip for 196.74"
NOTES = {  # by name, or for all of a family
    "swinv2-large-w16_in21k-pre_3rdparty_in1k-256px": LARGE,
    "swinv2-large-w24_in21k-pre_3rdparty_in1k-384px": LARGE,
    "vit-base-p16_mff-300e-pre_8xb2048-linear-coslr-90e_in1k": PROBED,
    "vit-base-p16_mff-800e-pre_8xb2048-linear-coslr-90e_in1k": PROBED,
    "efficientnet-l2_3rdparty-ra-noisystudent_in1k-800px": SWAPPED,
    "efficientnet-l2_3rdparty-ra-noisystudent_in1k-475px": SWAPPED,
    "resnet34_8xb32_in1k": "the published parameters are a slip for 21.80",
    "regnetx-3.2gf_8xb64_in1k": "the published figures are each other's: 15.3 M parameters and 3.21 GFLOPs",
    "efficientnet_v2": STRIDE,
    "efficientformer-l1_3rdparty_8xb128_in1k": "the published parameters leave out the two convolutions of the stem, with their norms",
    "efficientformer-l3_3rdparty_8xb128_in1k": "the published FLOPs are those of a network with attention in one block in place of four",
    "repvgg-B0_8xb32_in1k": "the published figures are each other's, of the training form: 15.82 M parameters and 3.42 GFLOPs",
    "levit": "the published parameters leave out one of the two classifiers",
    "t2t_vit": DIVIDED,
    "poolformer": "the published FLOPs hold 4224 and ten times the width more for each pixel of each block than a counter finds",
    "repmlp-base_3rdparty_8xb64_in1k": "the published FLOPs are 6.716 G, cut off in place of rounded",
    "revvit": "the published parameters hold twice the width more, as a class token and its position would",
    "vig-base_3rdparty_in1k": "the published parameters are not the network's, which has 86.84",
    "pvig-tiny_3rdparty_in1k": "the published parameters are not the network's, which has 12.49",
    "resnet50_spark-pre_300e_in1k": "the published figures are those of a ResNet-50 for CIFAR-10",
}


def metafiles():
    """Returns the models of every collection, figures as they are written."""
    models = {}
    for path in sorted(MIM.glob("configs/*/metafile.yml")):
        for m in yaml.load(path.read_text(), yaml.BaseLoader)["Models"]:
            models.setdefault(m["In Collection"], []).append(m | {"file": path.relative_to(MIM)})
    return models


def imagenet(model):
    """Returns the results on ImageNet-1k, or None."""
    results = model.get("Results")  # a list, one of its elements, or "null"
    for r in [results] if isinstance(results, dict) else results if isinstance(results, list) else []:
        if r["Dataset"] == "ImageNet-1k" and r["Task"] == "Image Classification":
            return r["Metrics"] if isinstance(r.get("Metrics"), dict) else {}
    return None


def address(model):
    """Returns where a model's weights are, or None where nobody publishes them."""
    url = model.get("Weights") or ""
    return url if url.startswith("https://") else None


def scaled(number, exponent):
    """Writes an integer in units of 10^exponent, with two decimals at least."""
    whole, part = divmod(int(number), 10**exponent)
    return f"{whole}.{f'{part:0{exponent}}'.rstrip('0').ljust(2, '0')}"


def resizing(pipeline):
    """Returns the resize of zoo.toml, and the crop, of a test pipeline."""
    steps = {t["type"].split("/")[-1]: t for t in pipeline}
    crop = steps.get("CenterCrop", {}).get("crop_size")
    if step := steps.pop("EfficientNetCenterCrop", None):
        kind, edge = "efficientnet-center-crop", step["crop_size"]
        extra = f", padding = {step.get('crop_padding', 32)}"
        interpolation = step.get("interpolation", "bicubic")
    else:
        step = steps.pop("ResizeEdge", None) or steps.pop("Resize")
        kind, edge, extra = "both" if step["type"] == "Resize" else step["edge"], step["scale"], ""
        if kind == "both" and not isinstance(edge, int):
            edge, other = edge
            assert edge == other, step
        interpolation = step.get("interpolation", "bilinear")
    steps = set(steps) - {"LoadImageFromFile", "CenterCrop", "PackInputs"}
    assert not steps and isinstance(edge, int), (pipeline, steps)
    backend = step.get("backend", "cv2")
    text = f'{{ kind = "{kind}", edge = {edge}{extra}, interpolation = "{interpolation}", backend = "{backend}" }}'
    return text, crop or edge


def vit(config):
    """Returns the architecture of a Vision Transformer, or None for another network."""
    b = config.model.backbone
    if b.type not in ("VisionTransformer", "DistilledVisionTransformer", "DeiT3", "MoCoV3ViT"):
        return None
    if b.arch == "mocov3-small":
        return "vit-small-p16-mocov3"
    name = {"s": "small", "m": "medium", "b": "base", "l": "large", "h": "huge"}.get(b.arch, b.arch)
    kind = "deit3" if b.type == "DeiT3" else "vit"
    name = name if name.startswith("deit") else f"{kind}-{name}-p{b.patch_size}"
    name += "-distilled" if b.type.startswith("Distilled") else "-mean" if b.get("out_type") == "avg_featmap" else "-clip" if b.get("pre_norm") else "-probe" if config.model.get("neck") else ""
    return name if b.img_size == 224 else f"{name}-{b.img_size}px"


def swin(config):
    """Returns the architecture of a Swin Transformer, named after its windows where those are not of 7 x 7 tokens."""
    b = config.model.backbone
    side = b.get("stage_cfgs", {}).get("block_cfgs", {}).get("window_size", 7)
    return f"swin-{b.arch}" + {7: "", 12: "-384px"}.get(side, f"-w{side}")


def eva02(config):
    """Returns the architecture of an EVA-02."""
    b = config.model.backbone
    name = {"t": "tiny", "s": "small", "b": "base", "l": "large"}[b.arch]
    return f"eva02-{name}-p{b.patch_size}-{b.img_size}px"


def beit(config):
    """Returns the architecture of a BEiT, or of a network that is built as one."""
    b = config.model.backbone
    kind = "cae" if b.use_rel_pos_bias and b.use_abs_pos_emb else "beit" if b.use_rel_pos_bias else "eva"
    name = f"{kind}-{ {'l': 'large', 'eva-g': 'giant'}.get(b.arch, b.arch) }-p{b.patch_size}"
    return name if b.img_size == 224 else f"{name}-{b.img_size}px"


ARCHS = {"vision_transformer": vit, "eva02": eva02, "beit": beit, "swin": swin}  # by family, where the row's name does not begin with it


def row(model, family, convention, size):
    """Returns the row of a model, or None where zoo does not have its network."""
    name, meta, metrics = model["Name"], model["Metadata"], imagenet(model)
    config = Config.fromfile(MIM / model["Config"], lazy_import=False)
    resize, crop = resizing(config.test_dataloader.dataset.pipeline)
    pre = config.model.get("data_preprocessor") or config.data_preprocessor
    if name.startswith("convnext-") and name.endswith("-384px"):
        convention, size = "mmengine", None
    convention, size, form = COUNTED.get(name, (convention, size, "deploy" if family in DEPLOYED else None))
    url = address(model)
    arch = name.split("_")[0].replace("convnextv2", "convnext-v2").removesuffix("-usi")
    if family in ARCHS and (arch := ARCHS[family](config)) is None:
        return None
    if family == "swin_v2":
        arch += "-in21k" if "in21k-pre" in name else ""
    if family in ("repmlp", "tinyvit") and crop != 224:
        arch += f"-{crop}px"
    if family == "swin":
        size = crop if arch.endswith(("-384px", "-w6")) else size
    note = NOTES.get(name) or NOTES.get(family) or (arch.endswith(("-mean", "-mean-448px")) and MEAN) or (arch.startswith("deit3") and TWICE)
    note = "; ".join(n for n in [note, not url and NOBODY] if n) or None
    converted = model.get("Converted From", {}).get("Weights")
    key = f'"{name}"' if "." in name else name
    weights = [
        f"[{key}.weights]",
        f'url = "{url}"',
        f'sha256 = "{url.rsplit("-", 1)[1].removesuffix(".pth")}"',
        'licence = "Apache-2.0"',
        converted and f'converted_from = "{converted}"',
        "",
    ] if url else []
    lines = [
        f"[{key}]",
        f'family = "{family}"',
        f'arch = "{arch}"',
        "classes = 1000",
        'labels = "imagenet-1k"',
        "",
        *weights,
        f"[{key}.input]",
        f"resize = {resize}",
        f"crop = {crop}",
        f"mean = {[float(x) if x % 1 else int(x) for x in pre['mean']]}",
        f"std = {[float(x) if x % 1 else int(x) for x in pre['std']]}",
        f'order = "{"rgb" if pre["to_rgb"] else "bgr"}"',
        'exif = "apply"',
        "",
        f"[{key}.published]",
        f'params_m = "{scaled(meta["Parameters"], 6)}"',
        f'flops_g = "{scaled(meta["FLOPs"], 9)}"',
        f'flops_convention = "{convention}"',
        f"flops_size = {size or crop}",
        form and f'form = "{form}"',
        metrics.get("Top 1 Accuracy") and f'top1 = "{metrics["Top 1 Accuracy"]}"',
        "Top 5 Accuracy" in metrics and f'top5 = "{metrics["Top 5 Accuracy"]}"',
        "images = 50000",
        f'source = "mmpretrain {mmpretrain.__version__}, {model["file"]}"',
        note and f'note = "{note}"',
    ]
    return "\n".join(line for line in lines if line not in (None, False)) + "\n"


def main():
    path = pathlib.Path(sys.argv[1])
    text, _, _ = path.read_text().partition(MARKER)
    models, out, titled = metafiles(), [text, MARKER, HEAD], set()
    for family, collections, convention, size in FAMILIES:
        if family not in titled:
            out.append(f"\n# {TITLES[family]}\n")
            titled.add(family)
        for collection in collections:
            for model in models[collection]:
                if imagenet(model) is None or not model["Name"].startswith(ONLY.get((family, collection), "")):
                    continue
                if text := row(model, family, convention, size):
                    out.append("\n" + text)
    path.write_text("".join(out))


if __name__ == "__main__":
    main()
