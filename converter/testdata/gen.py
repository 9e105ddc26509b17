"""Writes small checkpoints by the real torch.save, and MANIFEST.tsv, beside itself.

Needs the packages of requirements.txt. Every line of the manifest is a tensor: file, path
(keys from the root joined by "/"), dtype, shape, and the sha256 of its contiguous
little-endian bytes. A file that must be refused has one line, with the text that the
error must hold. Storage keys of legacy files are addresses in memory: running this
again changes those files, and nothing that the manifest says of them.
"""

import argparse
import collections
import datetime
import hashlib
import io
import pathlib
import zipfile

import numpy as np
import torch
from safetensors.torch import save as save_safetensors

HERE = pathlib.Path(__file__).parent
OD = collections.OrderedDict
ROWS = []
torch.manual_seed(7)


def tensors(value, path=""):
    """Yields the tensors below a value with their paths."""
    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, dict):
        for k, v in value.items():
            yield from tensors(v, f"{path}/{k}" if path else str(k))
    elif isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
        for i, v in enumerate(value):
            yield from tensors(v, f"{path}/{i}" if path else str(i))


def row(file, path, t):
    raw = t.detach().contiguous().reshape(-1)
    raw = raw.view(torch.uint8).numpy().tobytes() if raw.numel() else b""
    shape = "x".join(map(str, t.shape)) or "scalar"
    ROWS.append((file, path, str(t.dtype).removeprefix("torch."), shape, hashlib.sha256(raw).hexdigest()))


def put(file, data, value):
    (HERE / file).write_bytes(data)
    for path, t in tensors(value):
        row(file, path, t)


def saved(value, legacy=False, protocol=2):
    b = io.BytesIO()
    torch.save(value, b, _use_new_zipfile_serialization=not legacy, pickle_protocol=protocol)
    return b.getvalue()


def repacked(data):
    """Returns the archive with every record deflated."""
    b = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as src, zipfile.ZipFile(b, "w", zipfile.ZIP_DEFLATED) as dst:
        for info in src.infolist():
            dst.writestr(zipfile.ZipInfo(info.filename), src.read(info), zipfile.ZIP_DEFLATED)
    return b.getvalue()


def refuse(file, data, text):
    (HERE / file).write_bytes(data)
    ROWS.append((file, "-", "-", "-", text))


net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, bias=False), torch.nn.BatchNorm2d(4), torch.nn.Flatten(), torch.nn.Linear(4, 2))
state = net.state_dict()  # with the _metadata that BUILD sets
meta = dict(
    mmcls_version="0.22.0", CLASSES=("cat", "dog"), epoch=300, seed=None, time=datetime.datetime(2022, 3, 29),
    hook_msgs=dict(best_score=np.float64(76.85), history=np.arange(3)), args=argparse.Namespace(lr=0.1), sizes=torch.Size([1, 2]),
)
dtypes = {str(d).removeprefix("torch."): torch.tensor([0, 1, -2.5, 1e-7]).to(d) for d in (torch.float32, torch.float16, torch.bfloat16, torch.float64)}
dtypes |= {str(d).removeprefix("torch."): torch.tensor([0, 1, 100, -3]).to(d) for d in (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool)}
dtypes["complex64"] = torch.tensor([1 + 2j, -3j])
new = {str(d).removeprefix("torch."): torch.tensor([0, 1, 2, 3]).to(d) for d in (torch.uint16, torch.uint32, torch.uint64)}
new |= {str(d).removeprefix("torch."): torch.tensor([0, 1, -2.5, 4]).to(d) for d in (torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz)}
new["float8_e8m0fnu"] = torch.tensor([1.0, 2.0, 0.5]).to(torch.float8_e8m0fnu)
base = torch.randn(6, 8)
views = OD(t=base.t(), row=base[2], block=base[1:4, 2:7], step=base[::2, ::3], expanded=torch.randn(3).expand(4, 3),
           last=torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last), tied=base, head=base)
param = torch.nn.Parameter(torch.randn(3))
noted = torch.randn(2)
noted.note = "an attribute"

for kind, legacy in (("zip", False), ("legacy", True)):
    put(f"{kind}.pth", saved(dict(meta=meta, state_dict=state), legacy), dict(state_dict=state))
    put(f"{kind}-dtypes.pth", saved(dtypes, legacy), dtypes)
    put(f"{kind}-views.pth", saved(views, legacy), views)
    few = OD(w=torch.randn(2, 2), n=torch.tensor(3))
    put(f"{kind}-protocol4.pth", saved(few, legacy, 4), few)
put("zip-protocol5.pth", saved(few, protocol=5), few)
put("zip-protocol1.pth", saved(few, protocol=1), few)
put("zip-new-dtypes.pth", saved(new), new)
module = OD(("module." + k, v) for k, v in state.items())
put("zip-module.pth", saved(dict(state_dict=module)), dict(state_dict=module))
put("zip-bare.pth", saved(state), state)
put("zip-deflated.pth", repacked(saved(few)), few)
tuned = dict(meta=dict(dataset_meta=dict(classes=("cat", "dog")), CLASSES=("old",)), state_dict=few)
put("zip-tuned.pth", saved(tuned), tuned)
objects = OD(p=param, q=noted, scalar=torch.tensor(1.5), empty=torch.empty(0, 3))
put("zip-objects.pth", saved(objects), objects)
trained = dict(model=few, optimizer=dict(state={0: dict(step=torch.tensor(1.0), exp_avg=torch.randn(2, 2))}, param_groups=[dict(lr=0.1)]))
put("zip-optimizer.pth", saved(trained), trained)
put("reference.safetensors", save_safetensors(dict(few), metadata=dict(by="the reference")), few)
refuse("zip-sparse.pth", saved(dict(w=torch.eye(2).to_sparse())), 'tensor "w": tensor is sparse')
refuse("zip-quantized.pth", saved(dict(w=torch.quantize_per_tensor(torch.randn(2), 0.1, 0, torch.qint8))), 'tensor "w": tensor is quantized')
refuse("zip-meta.pth", saved(dict(w=torch.empty(2, device="meta"))), 'tensor "w": tensor is on the meta device')
refuse("zip-conj.pth", saved(dict(w=torch.tensor([1j]).conj())), 'tensor "w": tensor is a "conj" view')
refuse("zip-network.pth", saved(net), "expected a state dict")
script = io.BytesIO()
torch.jit.save(torch.jit.script(torch.nn.ReLU()), script)
refuse("script.pth", script.getvalue(), "TorchScript")
(HERE / "MANIFEST.tsv").write_text("".join("\t".join(r) + "\n" for r in [("file", "path", "dtype", "shape", "sha256 or error")] + ROWS))
