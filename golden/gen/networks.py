"""The reference networks, by registry name, and which of their modules are probed."""

import functools

import torch
from mmcv.cnn import ConvModule
from mmengine import Config
from mmpretrain import get_model
from mmpretrain.models import CSPDarkNet, CSPResNet, CSPResNeXt, build_classifier
from mmpretrain.models.backbones.beit import BEiTTransformerEncoderLayer
from mmpretrain.models.backbones.conformer import ConvBlock as ConformerBlock
from mmpretrain.models.backbones.convmixer import ConvMixer
from mmpretrain.models.backbones.convnext import ConvNeXtBlock
from mmpretrain.models.backbones.cspnet import CSPStage, DarknetBottleneck, ResNetBottleneck, ResNeXtBottleneck
from mmpretrain.models.backbones.davit import ChannelBlock, SpatialBlock
from mmpretrain.models.backbones.deit3 import DeiT3TransformerEncoderLayer
from mmpretrain.models.backbones.densenet import DenseBlock, DenseLayer, DenseTransition
from mmpretrain.models.backbones.edgenext import SDTAEncoder
from mmpretrain.models.backbones.efficientformer import Meta3D, Meta4D
from mmpretrain.models.backbones.efficientnet import EdgeResidual
from mmpretrain.models.backbones.hornet import HorNetBlock
from mmpretrain.models.backbones.inception_v3 import BasicConv2d, InceptionA, InceptionB, InceptionC, InceptionD, InceptionE
from mmpretrain.models.backbones.levit import AttentionSubsample
from mmpretrain.models.backbones.levit import Residual as LeViTResidual
from mmpretrain.models.backbones.mlp_mixer import MixerBlock
from mmpretrain.models.backbones.mobilenet_v2 import InvertedResidual as MobileV2Block
from mmpretrain.models.backbones.mobileone import MobileOneBlock
from mmpretrain.models.backbones.mobilevit import MobileVitBlock
from mmpretrain.models.backbones.mvit import MultiScaleBlock
from mmpretrain.models.backbones.poolformer import PoolFormerBlock
from mmpretrain.models.backbones.repmlp import RepMLPNetUnit
from mmpretrain.models.backbones.repvgg import RepVGGBlock
from mmpretrain.models.backbones.res2net import Res2Layer
from mmpretrain.models.backbones.resnet import BasicBlock, Bottleneck, ResLayer
from mmpretrain.models.backbones.revvit import RevTransformerEncoderLayer
from mmpretrain.models.backbones.riformer import RIFormerBlock
from mmpretrain.models.backbones.shufflenet_v1 import ShuffleUnit
from mmpretrain.models.backbones.shufflenet_v2 import InvertedResidual as ShuffleV2Block
from mmpretrain.models.backbones.swin_transformer import SwinBlock
from mmpretrain.models.backbones.swin_transformer_v2 import SwinBlockV2
from mmpretrain.models.backbones.t2t_vit import T2TTransformerLayer
from mmpretrain.models.backbones.tinyvit import MBConvBlock, TinyViT, TinyViTBlock
from mmpretrain.models.backbones.tnt import TnTLayer
from mmpretrain.models.backbones.twins import GSAEncoderLayer, LSAEncoderLayer
from mmpretrain.models.backbones.van import VANBlock
from mmpretrain.models.backbones.vig import FFN as ViGFFN
from mmpretrain.models.backbones.vig import Grapher
from mmpretrain.models.backbones.vision_transformer import TransformerEncoderLayer
from mmpretrain.models.backbones.xcit import ClassAttentionBlock, PositionalEncodingFourier, XCABlock
from mmpretrain.models.backbones.vit_eva02 import EVA02EndcoderLayer
from mmpretrain.models.heads import ConformerHead
from mmpretrain.models.utils import InvertedResidual, PositionEncodingFourier
from mmpretrain.models.utils.attention import scaled_dot_product_attention_pyimpl
from mmpretrain.registry import MODELS

import lite

CSPNETS = (
    "cspdarknet50_3rdparty_8xb32_in1k",
    "cspresnet50_3rdparty_8xb32_in1k",
    "cspresnext50_3rdparty_8xb32_in1k",
)
NANOS = ("cspdarknet-nano_digits", "cspresnet-nano_digits", "cspresnext-nano_digits")
LITES = {f"{arch}_3rdparty_in1k": arch for arch in lite.WIDTH_DEPTH}
BLOCKS = (
    AttentionSubsample,
    BasicBlock,
    BEiTTransformerEncoderLayer,
    Bottleneck,
    ClassAttentionBlock,
    ConformerBlock,
    ChannelBlock,
    ConvNeXtBlock,
    DeiT3TransformerEncoderLayer,
    DenseLayer,
    EVA02EndcoderLayer,
    EdgeResidual,
    GSAEncoderLayer,
    Grapher,
    HorNetBlock,
    InvertedResidual,
    Meta3D,
    Meta4D,
    LeViTResidual,
    LSAEncoderLayer,
    MBConvBlock,
    MixerBlock,
    MobileOneBlock,
    MobileV2Block,
    MobileVitBlock,
    MultiScaleBlock,
    PoolFormerBlock,
    PositionalEncodingFourier,
    RIFormerBlock,
    RepMLPNetUnit,
    RepVGGBlock,
    RevTransformerEncoderLayer,
    SDTAEncoder,
    ShuffleUnit,
    ShuffleV2Block,
    SpatialBlock,
    SwinBlock,
    SwinBlockV2,
    T2TTransformerLayer,
    TinyViTBlock,
    TnTLayer,
    TransformerEncoderLayer,
    VANBlock,
    ViGFFN,
    XCABlock,
)
STAGES = (CSPStage, Res2Layer, ResLayer, DenseBlock, DenseTransition, InceptionA, InceptionB, InceptionC, InceptionD, InceptionE)
# RepLKNet's configuration files import what they do not need, for which they are taken to be of another kind.
Config.fromfile = functools.partial(Config.fromfile, lazy_import=False)
NANO = 1  # the "depth" under which the small settings below are filed


@MODELS.register_module()
class NanoCSPDarkNet(CSPDarkNet):
    """Total stride 8, 64 features."""

    arch_settings = {
        NANO: dict(
            block_fn=DarknetBottleneck,
            in_channels=(8, 16, 32),
            out_channels=(16, 32, 64),
            num_blocks=(1, 2, 1),
            expand_ratio=(2, 1, 1),
            bottle_ratio=(2, 1, 1),
            has_downsampler=True,
            down_growth=True,
        )
    }


@MODELS.register_module()
class NanoCSPResNet(CSPResNet):
    """Total stride 8, 64 features."""

    arch_settings = {
        NANO: dict(
            block_fn=ResNetBottleneck,
            in_channels=(16, 32),
            out_channels=(32, 64),
            num_blocks=(2, 1),
            expand_ratio=4,
            bottle_ratio=2,
            has_downsampler=(False, True),
            down_growth=False,
        )
    }


@MODELS.register_module()
class NanoCSPResNeXt(CSPResNeXt):
    """Total stride 8, 128 features; 32 groups, as everywhere in CSPResNeXt."""

    arch_settings = {
        NANO: dict(
            block_fn=ResNeXtBottleneck,
            in_channels=(32, 64),
            out_channels=(64, 128),
            num_blocks=(1, 2),
            expand_ratio=(4, 2),
            bottle_ratio=1,
            has_downsampler=(False, True),
            down_growth=False,
            block_args=dict(base_channels=32, width_per_group=1),
        )
    }


def nano(name):
    """Returns a nano classifier of ten classes, not trained."""
    kind, features = {
        "cspdarknet-nano_digits": ("NanoCSPDarkNet", 64),
        "cspresnet-nano_digits": ("NanoCSPResNet", 64),
        "cspresnext-nano_digits": ("NanoCSPResNeXt", 128),
    }[name]
    last = len(MODELS.get(kind).arch_settings[NANO]["in_channels"]) - 1
    return build_classifier(
        dict(
            type="ImageClassifier",
            backbone=dict(type=kind, depth=NANO, out_indices=(last,)),
            neck=dict(type="GlobalAveragePooling"),
            head=dict(
                type="LinearClsHead",
                num_classes=10,
                in_channels=features,
                loss=dict(type="CrossEntropyLoss", loss_weight=1.0),
                topk=(1, 5),
            ),
        )
    )


def plain_norms(net):
    """Puts BatchNorm2d in place of SyncBatchNorm, which computes the same but is not seen by mmcv's counter."""
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, torch.nn.SyncBatchNorm):
                setattr(module, name, torch.nn.BatchNorm2d(child.num_features, child.eps))


def cast_waves(projection, conv):
    """Has positions in sines and cosines, which are of float32 in a network of any type, convolved in the network's."""
    projection.register_forward_pre_hook(lambda _m, inputs: inputs[0].to(conv.weight.dtype))


def tell_size(net, height, width):
    """Tells a TinyViT, which the framework builds for one size, what the next image's is."""
    half = lambda n: (n + 1) // 2
    size = half(half(height)), half(half(width))
    for stage in net.stages:
        for block in stage.blocks:
            block.img_size = size
        if stage.downsample is not None:
            stage.downsample.img_size = size
        size = tuple(map(half, size))


DEPLOY = ".deploy"  # after a registry name: the deploy form


def deploy(net):
    """Fuses the branches of a network, as the framework does."""
    net.backbone.switch_to_deploy()
    for block in net.modules():
        if isinstance(block, RepVGGBlock) and block.se_layer is not None:
            # The framework's deploy form forgets this layer, which its state dict has.
            block.branch_reparam.register_forward_hook(lambda _m, _in, out, block=block: block.se_layer(out))


def build(name, corrected=True):
    """Returns the network of a registry name in evaluation mode, and the framework's name and version.

    Where the framework computes another network than was published it is corrected, which the version then
    says; unless it is to be left as it is."""
    if name.endswith(DEPLOY):
        net, version = build(name.removesuffix(DEPLOY))
        deploy(net)
        return net, version
    torch_version = "torch " + torch.__version__.split("+")[0]
    if name in LITES:
        return lite.EfficientNetLite(LITES[name]).eval(), torch_version
    import mmpretrain

    net = nano(name) if name in NANOS else get_model(name, pretrained=False)
    plain_norms(net)
    if isinstance(net.head, ConformerHead):  # the framework adds its two outputs up when it predicts
        net.head.register_forward_hook(lambda _m, _in, out: sum(out))
    version = f"mmpretrain {mmpretrain.__version__}"
    for block in net.modules():
        if hasattr(block, "attention_bias_idxs"):
            # The framework's takes biases from its table when it is told to evaluate, not when it has been loaded.
            block.register_forward_pre_hook(lambda m, _in: setattr(m, "ab", m.attention_biases[:, m.attention_bias_idxs]))
        if isinstance(block, TinyViT):
            block.register_forward_pre_hook(lambda m, x: tell_size(m, *x[0].shape[2:]))
        if isinstance(block, T2TTransformerLayer) and corrected:
            # The framework's divides scores by the factor that they were multiplied by in training.
            root = (block.attn.input_dims // block.attn.num_heads) ** 0.5
            block.attn.scaled_dot_product_attention = functools.partial(scaled_dot_product_attention_pyimpl, scale=root)
            version = f"mmpretrain {mmpretrain.__version__} corrected"
        if isinstance(block, PositionalEncodingFourier):
            cast_waves(block.token_projection, block.token_projection.conv)
        if isinstance(block, PositionEncodingFourier):
            cast_waves(block.proj, block.proj)
        if isinstance(block, DeiT3TransformerEncoderLayer) and corrected:
            # The framework's has its first norm twice, and forgets the second, which was trained.
            block.forward = TransformerEncoderLayer.forward.__get__(block)
            version = f"mmpretrain {mmpretrain.__version__} corrected"
    return net.eval(), f"{version}, {torch_version}"


def settings(net):
    """Returns a text that tells networks of one state dict apart; empty for those made here."""
    config = getattr(net, "_config", None)
    return str(config.model.backbone) + str(getattr(net.backbone, "deploy", "")) if config else ""


def probed(net):
    """Returns the modules to probe, path to module: those whose output survives the fusion of
    convolution, norm and activation, and whose path means the same to every reader."""
    modules = {}
    blocks = [path for path, module in net.named_modules() if isinstance(module, BLOCKS)]
    layers = isinstance(net.backbone, ConvMixer) and net.backbone.stages  # which are of no class of their own
    grids = [path for path, module in net.named_modules() if isinstance(module, MobileVitBlock)]  # tokens lie in another order there
    for path, module in net.named_modules():
        level = path.split(".")
        unit = isinstance(module, (BasicConv2d, ConvModule)) and not any(path.startswith(p + ".") for p in blocks)
        block = len(level) >= 2 and level[-2] in ("blocks", "_blocks") or isinstance(module, BLOCKS) or layers and module in [*layers]
        block = block and not any(path.startswith(p + ".") for p in grids)
        # HRNet numbers its layers, dozens, and each ends with a block: probed as such.
        stage = isinstance(module, STAGES) and not (isinstance(module, ResLayer) and level[-1].isdigit())
        if unit or block or stage or path in ("backbone.stem", "backbone.avgpool", "neck", "_avg_pooling"):
            modules[path] = module
    return modules
