"""Synthetic tensors, made from a name, a shape and a seed alone.

All arithmetic is in float64, with one rounding to float32 at the end, so that
this program and golden/synthetic.go agree bit for bit. Run it to check the test
vectors that the Go tests hold too.
"""

import hashlib

import numpy as np

GAMMA = 0x9E3779B97F4A7C15  # splitmix64's increment, 2^64 divided by the golden ratio
MASK = (1 << 64) - 1
PROBE_VALUES = 64


def stream(name, seed):
    """Returns the state of a named stream: FNV-1a of the name, mixed with the seed."""
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    return h ^ (seed * GAMMA & MASK)


def bits(state, n):
    """Returns the first n outputs of a stream, splitmix64's finaliser, as uint64 (n)."""
    z = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(GAMMA) + np.uint64(state)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def unit(state, n):
    """Returns n multiples of 2^-24 in [0,1), float64 (n)."""
    return (bits(state, n) >> np.uint64(40)).astype(np.float64) * 2.0**-24


def signed(state, n):
    """Returns n values in [-1,1), float64 (n)."""
    return 2 * unit(state, n) - 1


def tensor(name, shape, seed=0, gain=1.0):
    """Returns the synthetic tensor of a state dict name: int64 zeros for counters, else float32; gain multiplies weights."""
    n = int(np.prod(shape, dtype=np.int64))
    state = stream(name, seed)
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    if name.endswith("running_var"):
        v = 0.5 + unit(state, n)
    elif name.endswith(("running_mean", "bias")):
        v = 0.1 * signed(state, n)
    elif len(shape) < 2:
        v = 1 + 0.25 * signed(state, n)
    elif len(shape) > 2 and shape[0] == 1:  # tokens, tables of positions
        v = 0.5 * signed(state, n)
    else:
        fan = n // shape[0]
        half = fan // 2
        rows = gain * np.sqrt(4.0 / fan) * signed(state, n).reshape(shape[0], fan)
        rows[:, half : 2 * half] = -rows[:, :half]
        v = rows
    return v.reshape(shape).astype(np.float32)


def levels(shape, seed=0):
    """Returns what an input (N,C,H,W) is without noise, float64: an 8x8 grid of levels per channel."""
    n, c, h, w = shape
    grid = unit(stream("input.grid", seed), n * c * 64).reshape(n, c, 8, 8)
    return 3 * grid[:, :, (8 * np.arange(h) // h)[:, None], (8 * np.arange(w) // w)[None, :]] - 1.5


def network_input(shape, seed=0):
    """Returns the synthetic input, float32 (N,C,H,W): levels plus noise."""
    noise = unit(stream("input.noise", seed), int(np.prod(shape))).reshape(shape)
    return (levels(shape, seed) + noise - 0.5).astype(np.float32)


def probe_positions(path, numel):
    """Returns where a probe samples a module's flattened output, int64 (64)."""
    return (bits(stream("probe:" + path, 0), PROBE_VALUES) % np.uint64(numel)).astype(np.int64)


def probe(path, x):
    """Summarises a module's output, float64 of any shape: max|x|, mean, 64 values; float32 (66)."""
    flat = x.reshape(-1)
    head = [np.abs(flat).max(), flat.mean(dtype=np.float64)]
    return np.concatenate([head, flat[probe_positions(path, flat.size)]]).astype(np.float32)


def check():
    """Asserts the test vectors."""

    def digest(x):
        return hashlib.sha256(x.astype("<f4").tobytes()).hexdigest()

    assert bits(stream("input.grid", 0), 1)[0] == 0xAD9E62A289DA7571
    weight = tensor("backbone.stem.conv.weight", (32, 3, 3, 3), 0)
    assert float(weight.flat[0]).hex() == "0x1.cf61640000000p-3"
    assert digest(weight) == "6381a3633e2ff6254f52cfc61d8773cf6d935b28ab8358a0c51aa362584572d9"
    weight = tensor("backbone.stem.conv.weight", (32, 3, 3, 3), 0, 0.35)
    assert float(weight.flat[0]).hex() == "0x1.445dc60000000p-4"
    assert digest(weight) == "30282470f1dd29ef7fd0ace6fcbad4e87bf014e76215fdd6d78e2052c3c6c93d"
    variance = tensor("backbone.stem.bn.running_var", (32,), 7)
    assert digest(variance) == "6d1107fee71cb4b93388166bff1bbe2c4375bd0d0bb78748f4bade3f075aa6d4"
    image = network_input((1, 3, 224, 224), 0)
    assert digest(image) == "743d7da0187aef8941e4d66090a1fa2dfef69d3719964ab4bb2e5c899a087f08"
    positions = probe_positions("backbone.stages.0", 64 * 112 * 112)
    assert positions[:5].tolist() == [710176, 545093, 775521, 575522, 559628]


if __name__ == "__main__":
    check()
    print("synthetic.py: all test vectors hold")
