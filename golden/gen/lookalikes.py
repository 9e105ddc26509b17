"""Lists which networks of timm and torchvision have the same tensors, and what each computes.

    lookalikes.py NAMES [--group GROUP] -o DIR

NAMES holds the networks that zoo's recipes take, a line each: "project network", such as
"timm resnet50". Written are two files:

- lookalikes.tsv: every network of the project, published or not, whose state dict has
  the same names and shapes as one of NAMES, and the older names that timm still takes.
  Of timm those networks are looked at whose source file makes one of NAMES;
- operators.tsv.zst: for each of those networks that the project publishes weights of, how
  often each operator runs on one image of the network's own size, as a forward
  on the meta device shows it: no numbers are computed. Before them stand the names and
  shapes of its state dict.

With --group they are lookalikes.GROUP.tsv and operators.GROUP.tsv.zst, for NAMES of one kind of network: the tests read all.

Borders that a network adds by an operator of its own, as TensorFlow's SAME rule asks
for, are part of the convolution or pooling that follows. A linear layer is a
convolution whose window is the whole image, or one pixel at stride 1. Activations are counted by kind
and by numbers, however many calls they are made of. An attention is its softmax, with the factor of
what goes into it. A mean of all pixels is the same of an image and of tokens; the choice of one token is
an operator, too, and that of every other pixel none.

Networks are made for 1000 classes, whatever they were trained for: those that differ in nothing but the
classifier's rows are alike. Where torchvision publishes weights of one network for several sizes, and
tensors depend on the size, each size stands for itself.
"""

import argparse
import collections
import hashlib
import math
import pathlib

import timm
import torch
import torchvision
import zstandard
from timm.models import _registry
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten


def published(project):
    """Returns the names of networks that the project publishes ImageNet weights of."""
    if project == "timm":
        return {n.split(".")[0] for n in timm.list_pretrained()}
    return {n for n in torchvision.models.list_models(module=torchvision.models) if torchvision.models.get_model_weights(n).__members__}


def networks(project, wanted):
    if project == "timm":
        module = _registry._model_to_module
        return [n for n in timm.list_models() if module[n] in {module[w] for w in wanted}]
    return torchvision.models.list_models(module=torchvision.models)


def sizes(project, network):
    """Returns the sizes of images that the tensors of a network's weights are for; None where they are for any."""
    if project == "timm" or not network.startswith("vit"):
        return [None]
    members = torchvision.models.get_model_weights(network).__members__.values()
    return sorted({w.transforms.keywords["crop_size"] for w in members})


def build(project, network, size=None):
    if project == "timm":
        with torch.device("meta"):
            net = timm.create_model(network, num_classes=1000)
        return net.eval(), net.default_cfg["input_size"]
    with torch.device("meta"):
        kwargs = {"init_weights": False} if network in ("inception_v3", "googlenet") else {}
        if size:
            kwargs["image_size"] = size
        if not network.startswith("regnet"):
            net = torchvision.models.get_model(network, **kwargs)
    if network.startswith("regnet"):  # whose widths are computed with tensors
        net = torchvision.models.get_model(network).to("meta")
    members = torchvision.models.get_model_weights(network).__members__
    size = size or (next(iter(members.values())).transforms.keywords["crop_size"] if members else 224)
    return net.eval(), (3, size, size)


def tensors(net):
    lines = sorted(f"{k} {tuple(v.shape)}" for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked"))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def old_names():
    """Returns the names that timm once had for each network."""
    old = collections.defaultdict(set)
    for name, now in _registry._deprecated_models.items():
        if now:
            old[now.split(".")[0]].add(name.split(".")[0])
    return old


ACTS = {
    "relu": "relu", "relu_": "relu", "hardtanh": "relu6", "hardtanh_": "relu6", "relu6": "relu6", "silu": "silu", "silu_": "silu",
    "hardswish": "hardswish", "hardswish_": "hardswish", "hardsigmoid": "hardsigmoid", "hardsigmoid_": "hardsigmoid",
    "sigmoid": "sigmoid", "sigmoid_": "sigmoid", "gelu": "gelu", "leaky_relu": "leaky_relu", "leaky_relu_": "leaky_relu",
}


class Operators(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.count = collections.Counter()
        self.border = {}  # of a tensor: what was added around it, left, right, top, bottom
        self.factor = {}  # of a tensor: what it was multiplied by on its way to a softmax
        self.plain = {}  # of what a linear layer made: the layer's channels, of which a bias may yet be added
        self.keep = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in ("constant_pad_nd", "reflection_pad2d"):
            pad = list(args[1]) + [0] * (4 - len(args[1]))
            self.border[id(out)] = ("reflect " if name == "reflection_pad2d" else "", pad, tuple(args[0].shape))
            self.keep.append(out)
        elif name == "convolution":
            x, w, b, stride, pad, _, _, _, groups = args
            kind, (l, r, t, d), shape = self.border.get(id(x), ("", [0, 0, 0, 0], tuple(x.shape)))
            border = (t + pad[0], d + pad[0], l + pad[-1], r + pad[-1])
            pointwise = tuple(w.shape[2:]) == (1, 1) and stride[0] == 1 and groups == 1
            if (pointwise or tuple(w.shape[2:]) == tuple(shape[2:])) and border == (0, 0, 0, 0):
                self.count[f"linear {w.shape[1] * w.shape[2] * w.shape[3]} {w.shape[0]} {'bias' if b is not None else '-'}"] += 1
            else:
                self.add("conv", shape, f"{w.shape[0]} {w.shape[2]}x{w.shape[3]} stride {stride[0]} groups {groups} {'bias' if b is not None else '-'} border {kind}{border}")
        elif name in ("native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm"):
            x = args[0]
            self.count[f"batchnorm {x.shape[1]} of {x.numel()} eps {args[-1]:g}"] += 1
        elif name == "native_layer_norm":
            x = args[0]
            self.count[f"layernorm {args[1][-1]} of {x.numel()} eps {args[4]:g}"] += 1
        elif name == "native_group_norm":
            self.add("groupnorm", args[0].shape, f"groups {args[6]} eps {args[7]:g}")
        elif name in ("max_pool2d_with_indices", "avg_pool2d"):
            x, k, stride, pad = [*args[:4], *([], [0, 0])[min(len(args) - 2, 2) :]]
            kind, (l, r, t, d), shape = self.border.get(id(x), ("", [0, 0, 0, 0], tuple(x.shape)))
            stride = stride or k
            pad = [pad] * 2 if isinstance(pad, int) else (list(pad) * 2)[:2]
            if tuple(k) == tuple(shape[2:]) and not kind:
                self.mean(shape, {2, 3})
            elif tuple(k) != (1, 1):
                whole = "max" if name.startswith("max") else "avg"
                self.add(whole + "pool", shape, f"{k[0]}x{k[-1]} stride {stride[0]} border {kind}{(t + pad[0], d + pad[0], l + pad[1], r + pad[1])} -> {out[0].shape[2] if whole == 'max' else out.shape[2]}")
        elif name == "addmm":
            self.count[f"linear {args[2].shape[0]} {args[2].shape[1]} bias"] += 1
        elif name == "mm":
            self.linear(out, *args[1].shape)
        elif name in ("view", "_unsafe_view") and id(args[0]) in self.plain:
            self.plain[id(out)] = self.plain[id(args[0])]
            self.keep.append(out)
        elif name in ("add", "add_") and id(args[0]) in self.plain and isinstance(args[1], torch.Tensor) and args[1].dim() == 1:
            channels = self.plain.pop(id(args[0]))
            self.count[f"linear {channels[0]} {channels[1]} -"] -= 1
            self.count[f"linear {channels[0]} {channels[1]} bias"] += 1
        elif "softmax" in name:
            *heads, queries, keys = args[0].shape
            self.count[f"attention {math.prod(heads)} of {queries}x{keys} times {self.factor.get(id(args[0]), 1.0):.6g}"] += 1
        elif name == "mean":
            self.mean(args[0].shape, {d % args[0].dim() for d in args[1]})
        elif name == "select" and args[0].dim() == 3 and args[1] == 1:
            self.count[f"token {args[2]} of {args[0].shape[2]}"] += 1
        elif name in ACTS:
            self.count[f"{ACTS[name]} {out.numel()}"] += 1
        self.scale(name, args, out)
        return out

    def mean(self, shape, dims):
        """Counts the pooling of an image, in whatever order its dimensions are, or of tokens."""
        channels = {(4, (2, 3)): 1, (4, (1, 2)): 3, (3, (1,)): 2, (3, (2,)): 1}.get((len(shape), tuple(sorted(dims))))
        pixels = math.prod(shape[d] for d in dims)
        if channels and pixels > 1:
            self.count[f"mean of {pixels} pixels of {shape[channels]}"] += 1

    def scale(self, name, args, out):
        """Keeps account of the factors in front of a softmax."""
        if not isinstance(out, torch.Tensor):
            return
        tensors = [a for a in args if isinstance(a, torch.Tensor)]
        factor = math.prod(self.factor.get(id(a), 1.0) for a in tensors[:1 if name == "add" else 2])
        if name in ("mul", "div") and len(tensors) == 1 and isinstance(args[1], float):
            factor = factor * args[1] if name == "mul" else factor / args[1]
        elif name not in ("view", "_unsafe_view", "expand", "transpose", "permute", "clone", "bmm", "baddbmm", "add"):
            return
        if factor != 1.0:
            self.factor[id(out)] = factor
            self.keep.append(out)

    def linear(self, out, *channels):
        """Counts a linear layer without a bias. One of tokens that do not lie in order adds its bias by an operator of its own."""
        self.count[f"linear {channels[0]} {channels[1]} -"] += 1
        self.plain[id(out)] = channels
        self.keep.append(out)

    def add(self, kind, shape, rest):
        self.count[f"{kind} {'x'.join(map(str, shape[1:]))} {rest}"] += 1


def operators(net, size):
    mode = Operators()
    with torch.no_grad(), mode:  # inference mode would show compound operators whole
        net(torch.empty(1, *size, device="meta"))
    for m in net.modules():
        if hasattr(m, "cpb_mlp"):  # whose table of coordinates is computed when the network is made
            trained = getattr(m, "pretrained_window_size", (0, 0))[0] or m.window_size[0]
            mode.count[f"coordinates of {m.window_size[0]}x{m.window_size[1]} by {trained - 1}"] += 1
    return +mode.count


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("names", type=pathlib.Path)
    p.add_argument("-o", "--out", required=True, type=pathlib.Path)
    p.add_argument("--group", default="", help="kind of the networks, for the names of the files")
    args = p.parse_args()
    group_name = f".{args.group}" if args.group else ""
    taken = [line.split()[:2] for line in args.names.read_text().splitlines() if line.strip()]
    rows, lines = [], []
    for project, module in (("timm", timm), ("torchvision", torchvision)):
        wanted = {n for q, n in taken if q == project}
        have = published(project)
        old = old_names() if project == "timm" else {}
        alike = collections.defaultdict(list)
        for network in networks(project, wanted):
            try:
                for size in sizes(project, network):
                    alike[tensors(build(project, network, size)[0])].append((network, size))
            except Exception as e:  # networks that want packages of their own, or cannot be made without numbers
                print(f"{project} {network}: left out: {type(e).__name__}: {e}")
        for group in alike.values():
            like = sorted(wanted & {n for n, _ in group})
            if not like:
                continue
            for network, size in sorted(group):
                first = like[0]
                rows.append((project, first, network, "published" if network in have else "-", " ".join(sorted(old.get(network, ())))))
                if network not in have:
                    continue
                net, size = build(project, network, size)
                lines.append(f"# {project} {network} {size[1]}")
                lines += [f"= {k} {'x'.join(map(str, v.shape)) or '-'}" for k, v in net.state_dict().items()]
                lines += [f"{n} {op}" for op, n in sorted(operators(net, size).items())]
    head = f"# timm {timm.__version__}, torchvision {torchvision.__version__.split('+')[0]}\nproject\talike\tnetwork\tweights\told names\n"
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / f"lookalikes{group_name}.tsv").write_text(head + "".join("\t".join(r) + "\n" for r in sorted(set(rows))))
    data = zstandard.ZstdCompressor(level=19).compress(("\n".join(lines) + "\n").encode())
    (args.out / f"operators{group_name}.tsv.zst").write_bytes(data)
    print(f"{len(rows)} networks, {len(data)} bytes of operators")


if __name__ == "__main__":
    main()
