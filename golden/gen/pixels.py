"""The reference's test pipelines: from image files to network inputs."""

import torch
from mmengine.dataset import Compose
from mmpretrain import get_model
from mmpretrain.models import ClsDataPreprocessor
from mmpretrain.registry import TRANSFORMS

import networks

IMAGENET = ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])
TENSORFLOW = ([127.0] * 3, [128.0] * 3)
CROPS = dict(zip(networks.CSPNETS, (256, 256, 224))) | dict.fromkeys(networks.NANOS, 32)
CROPS |= dict(zip(networks.LITES, (224, 240, 260)))
EDGES = dict.fromkeys(networks.NANOS, 32) | dict(zip(networks.LITES, (256, 274, 297)))


def pipeline(model):
    """Returns the transforms of a model, and the module that normalises; as published for a CSPNet."""
    if model in networks.CSPNETS:
        published = get_model(model, pretrained=False)
        return published._config.test_dataloader.dataset.pipeline, published.data_preprocessor
    transforms = [
        dict(type="LoadImageFromFile"),
        dict(type="ResizeEdge", scale=EDGES[model], edge="short", backend="pillow", interpolation="bicubic"),
        dict(type="CenterCrop", crop_size=CROPS[model]),
        dict(type="PackInputs"),
    ]
    mean, std = TENSORFLOW if model in networks.LITES else IMAGENET
    return transforms, ClsDataPreprocessor(mean=mean, std=std, to_rgb=True)


def preprocess(model, paths):
    """Returns the network input for image files, float32 (N,3,H,W)."""
    transforms, normalise = pipeline(model)
    prepare = Compose([TRANSFORMS.build(t) for t in transforms])
    packed = [prepare(dict(img_path=str(p))) for p in paths]
    data = dict(inputs=[p["inputs"] for p in packed], data_samples=[p["data_samples"] for p in packed])
    return normalise(data)["inputs"].to(torch.float32)
