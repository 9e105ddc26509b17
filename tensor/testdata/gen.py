"""Writes casts.safetensors: what other programs make of numbers cast to shorter types.

Needs numpy, torch and safetensors. F16 and F32 are numpy's, which rounds once; BF16
of F32 and all of float8 are torch's; BF16 of F64 is computed with fractions, since
torch rounds twice there.
"""

import pathlib
from fractions import Fraction

import numpy as np
import torch
from safetensors.torch import save_file


def bf16_of(x):
    """Returns the bits of the bfloat16 nearest to the float x, the even one of two."""
    sign = 0x8000 if np.signbit(x) else 0
    if np.isnan(x):
        return sign | 0x7FC0
    if np.isinf(x):
        return sign | 0x7F80
    v, best = Fraction(abs(float(x))), None
    lo = np.float32(abs(x)).view(np.uint32) if abs(x) < 3.4e38 else 0x7F7FFFFF
    for bits in range(max(0, (int(lo) >> 16) - 2), min(0x7F80, (int(lo) >> 16) + 3) + 1):
        value = Fraction(2) ** 128 if bits == 0x7F80 else Fraction(float(np.uint32(bits << 16).view(np.float32)))
        key = (abs(v - value), bits & 1)
        if best is None or key < best[0]:
            best = (key, bits)
    return sign | best[1]


rng = np.random.default_rng(1)
values = [0.0, 1.0, 65504.0, 65519.99, 65520.0, 65536.0, 2.0**-24, 2.0**-25, 2.0**-25 * (1 + 2**-40), 2.0**-26, 3 * 2.0**-25]
values += [2.0**-14, 2.0**-14 * (1 - 2**-11), 2.0**-14 * (1 - 2**-12), 1 + 2.0**-11, 1 + 2.0**-11 + 2.0**-40, 1 + 3 * 2.0**-11]
values += [2.0**-126, 2.0**-133, 2.0**-134, 2.0**-135, 2.0**-149, 2.0**-150, 3.38953139e38, 3.3895e38, 3.4e38, 2.0**127 * (2 - 2.0**-8), 2.0**127 * (2 - 2.0**-9)]
values += [1 + 2.0**-8, 1 + 2.0**-8 + 2.0**-50, 1 + 3 * 2.0**-8, 1 + 2.0**-24, 1 + 2.0**-24 + 2.0**-50, 1e300, 5e-324, np.inf, np.nan]
values += list(np.exp2(rng.uniform(-30, 18, 200)) * rng.uniform(1, 2, 200)) + list(np.exp2(rng.uniform(-160, 129, 200)))
values += [float(h) for h in (rng.integers(0, 0x7C00, 200).astype(np.uint16).view(np.float16).astype(np.float64) + np.exp2(rng.integers(-36, 6, 200).astype(np.float64)))]
f64 = np.array(values + [-v for v in values], np.float64)
with np.errstate(over="ignore"):
    f32 = f64.astype(np.float32)
    out = {
        "F64": torch.from_numpy(f64),
        "F64.F32": torch.from_numpy(f32.copy()),
        "F64.F16": torch.from_numpy(f64.astype(np.float16)),
        "F64.BF16": torch.from_numpy(np.array([bf16_of(x) for x in f64], np.uint16).view(np.int16)).view(torch.bfloat16),
        "F32": torch.from_numpy(f32),
        "F32.F16": torch.from_numpy(f32.astype(np.float16)),
        "F32.BF16": torch.from_numpy(f32).to(torch.bfloat16),
    }
every = torch.arange(256, dtype=torch.int32).to(torch.uint8)
for name, dtype in {
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2, "F8_E8M0": torch.float8_e8m0fnu,
    "F8_E4M3FNUZ": torch.float8_e4m3fnuz, "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
}.items():
    out[name + ".F32"] = every.view(dtype).float()
save_file(out, pathlib.Path(__file__).with_name("casts.safetensors"))
