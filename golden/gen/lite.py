"""EfficientNet-Lite0, 1 and 2 in torch, with the key names of EfficientNet-PyTorch.

Borders follow TensorFlow's SAME rule (an odd row or column is added at the bottom
and on the right), batch norm has eps 1e-3, activations are ReLU6 and there is no
squeeze-excitation. Where a network is scaled, the stem, the head and the repeats
of the first and last stage stay as they are.

    lite.py CHECKPOINT GOLDEN   compares Lite0 with a golden made elsewhere
"""

import math
import sys

import torch
from torch import nn
from torch.nn import functional as F

EPS = 1e-3
WIDTH_DEPTH = {"efficientnet-lite0": (1.0, 1.0), "efficientnet-lite1": (1.0, 1.1), "efficientnet-lite2": (1.1, 1.2)}
STAGES = [  # expand, kernel, stride, channels, repeats
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
]


class SameConv(nn.Conv2d):
    """A convolution without bias under TensorFlow's SAME rule: (N,C,H,W) to (N,O,ceil(H/s),ceil(W/s))."""

    def __init__(self, inp, out, k=1, stride=1, groups=1):
        super().__init__(inp, out, k, stride, groups=groups, bias=False)

    def forward(self, x):
        (kh, kw), (sh, sw) = self.kernel_size, self.stride
        h, w = x.shape[-2:]
        pad_h = max((-(-h // sh) - 1) * sh + kh - h, 0)
        pad_w = max((-(-w // sw) - 1) * sw + kw - w, 0)
        x = F.pad(x, (pad_w // 2, pad_w - pad_w // 2, pad_h // 2, pad_h - pad_h // 2))
        return super().forward(x)


class Block(nn.Module):
    """An inverted residual: expand, filter each channel, project."""

    def __init__(self, inp, out, expand, k, stride):
        super().__init__()
        mid = inp * expand
        self.expands = expand > 1
        self.adds = stride == 1 and inp == out
        if self.expands:
            self._expand_conv = SameConv(inp, mid)
            self._bn0 = nn.BatchNorm2d(mid, EPS)
        self._depthwise_conv = SameConv(mid, mid, k, stride, groups=mid)
        self._bn1 = nn.BatchNorm2d(mid, EPS)
        self._project_conv = SameConv(mid, out)
        self._bn2 = nn.BatchNorm2d(out, EPS)

    def forward(self, x):
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.adds else y


def round_channels(c):
    """Rounds a scaled channel count to a multiple of 8, never losing more than a tenth."""
    n = max(8, int(c + 4) // 8 * 8)
    return n + 8 if n < 0.9 * c else n


class EfficientNetLite(nn.Module):
    """(N,3,H,W) to logits (N,classes)."""

    def __init__(self, arch, classes=1000):
        super().__init__()
        width, depth = WIDTH_DEPTH[arch]
        self._conv_stem = SameConv(3, 32, 3, 2)
        self._bn0 = nn.BatchNorm2d(32, EPS)
        blocks, inp = [], 32
        for i, (expand, k, stride, channels, repeats) in enumerate(STAGES):
            if 0 < i < len(STAGES) - 1:
                repeats = math.ceil(depth * repeats)
            out = round_channels(channels * width)
            for j in range(repeats):
                blocks.append(Block(inp, out, expand, k, stride if j == 0 else 1))
                inp = out
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = SameConv(inp, 1280)
        self._bn1 = nn.BatchNorm2d(1280, EPS)
        self._avg_pooling = nn.AdaptiveAvgPool2d(1)
        self._fc = nn.Linear(1280, classes)

    def forward(self, x):
        x = F.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        x = F.relu6(self._bn1(self._conv_head(x)))
        return self._fc(self._avg_pooling(x).flatten(1))


def compare(checkpoint, golden):
    """Prints how far this Lite0 is from the logits of a golden on the input it stores."""
    from safetensors.torch import load_file

    net = EfficientNetLite("efficientnet-lite0").eval()
    net.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True))
    want = load_file(golden)
    with torch.inference_mode():
        got = net(want["input"])
    print(f"max |difference| {(got - want['logits']).abs().max():.3g} of max |logit| {want['logits'].abs().max():.3g}")


def count():
    """Prints the learnable parameters of each network."""
    for arch in WIDTH_DEPTH:
        print(arch, sum(p.numel() for p in EfficientNetLite(arch).parameters()))


if __name__ == "__main__":
    count()
    if len(sys.argv) > 1:
        compare(*sys.argv[1:])
