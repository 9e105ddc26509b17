"""Writes images.zip: JPEG files, and what OpenCV makes of them.

Run in this folder, with numpy, opencv-python and Pillow:

    python gen.py

The archive holds NAME.jpg files and pixels.tsv, a line for each file: name, width, height
and the SHA-256 of the RGB bytes (H,W,3) of imdecode(IMREAD_COLOR | IMREAD_IGNORE_ORIENTATION);
"0 0 none" where imdecode returns no image. Names begin with the kind of file:

    cv, pil     written by OpenCV and by Pillow
    own         written by encoder.py: sampling factors and scans that those do not write
    table       with quantisation tables that no encoder would write
    damaged     with bytes changed, left out or put in, decoded by OpenCV with a warning at most
    cut         cut short

A quarter of the files written by OpenCV are black and white noise, which drives the
transform to its limits.
"""

import hashlib
import io
import struct
import zipfile

import cv2
import numpy as np
import PIL
from PIL import Image

import encoder

cv2.setNumThreads(1)
rng = np.random.default_rng(7)
files = {}


def add(name, data):
    assert name not in files, name
    files[name] = bytes(data)


def picture(w, h, kind="scene"):
    """BGR: waves with an edge, a disc and some grain, or noise."""
    if kind == "noise":
        return (rng.integers(0, 2, (h, w, 3)) * 255).astype(np.uint8)
    y, x = np.mgrid[:h, :w].astype(np.float64)
    a, b, c = rng.uniform(4, 25, 3)
    planes = [128 + 80 * np.sin(x / a + i) * np.cos(y / b - i) + 40 * np.sin((x + 2 * y) / c) for i in range(3)]
    image = np.stack(planes, -1) + rng.normal(0, 3, (h, w, 1))
    image[:, w // 3 :] += rng.uniform(-70, 70, 3)
    r = rng.uniform(2, 20)
    image[(x - w * rng.random()) ** 2 + (y - h * rng.random()) ** 2 < r * r] = rng.uniform(0, 255, 3)
    return image.clip(0, 255).round().astype(np.uint8)


SAMPLING = {s: getattr(cv2, "IMWRITE_JPEG_SAMPLING_FACTOR_" + s) for s in ("411", "420", "422", "440", "444")}


def opencv(image, sampling="420", quality=90, progressive=0, restart=0, optimize=0):
    options = {
        cv2.IMWRITE_JPEG_QUALITY: quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR: SAMPLING[sampling],
        cv2.IMWRITE_JPEG_PROGRESSIVE: progressive,
        cv2.IMWRITE_JPEG_RST_INTERVAL: restart,
        cv2.IMWRITE_JPEG_OPTIMIZE: optimize,
    }
    ok, data = cv2.imencode(".jpg", image, [int(v) for pair in options.items() for v in pair])
    assert ok
    return data.tobytes()


def pillow(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def segments(data):
    """Where the segments of the header are: (offset, marker, length)."""
    at = 2
    while True:
        marker, length = data[at + 1], data[at + 2] << 8 | data[at + 3]
        yield at, marker, length
        if marker == 0xDA:
            return
        at += 2 + length


# Every sampling, both kinds of coding, all qualities, restarts, sizes around the block's.
for sampling in SAMPLING:
    for progressive in (0, 1):
        for n, quality in enumerate((10, 30, 50, 75, 90, 95, 100, 1)):
            w, h = (int(v) for v in rng.integers(1, 25 if n % 2 else 70, 2))
            restart, optimize = (0, 0, 1, 3)[(n + progressive) % 4], n % 3 == 0
            data = opencv(picture(w, h, "noise" if n % 4 == 3 else "scene"), sampling, quality, progressive, restart, optimize)
            add(f"cv-{sampling}-{'progressive' if progressive else 'baseline'}-q{quality}-r{restart}-{w}x{h}", data)
    for w, h in ((1, 1), (2, 2), (3, 3), (4, 5), (16, 16), (17, 33), (1, 40), (40, 1), (2000, 3), (3, 300)):
        add(f"cv-{sampling}-{w}x{h}", opencv(picture(w, h), sampling, 60, (w + h) % 2))

# Grey, RGB and CMYK, with and without the words of Adobe about it.
for progressive in (False, True):
    for mode in ("L", "RGB", "CMYK"):
        for n, quality in enumerate((20, 75, 95)):
            image = Image.fromarray(picture(20 + 17 * n, 30 - 7 * n)).convert(mode)
            options = {"keep_rgb": True} if mode == "RGB" else {"subsampling": n}
            add(f"pil-{mode}-{progressive:d}-q{quality}", pillow(image, quality=quality, progressive=progressive, **options))
for transform in (0, 1, 2, 7):
    data = bytearray(files["pil-CMYK-0-q75"])
    data[data.index(b"Adobe") + 11] = transform
    add(f"pil-CMYK-transform{transform}", data)
add("pil-CMYK-without-Adobe", files["pil-CMYK-0-q75"].replace(b"Adobe", b"Other"))


def own(w, h, components, progressive=False, restart=0, density=0.2, size=12):
    """An image of random coefficients, fewer and smaller ones for high frequencies."""
    quant = [[int(v) for v in rng.integers(1, 40, 64)] for _ in range(2)]
    image = encoder.Image(w, h, components, quant, None, progressive, restart)
    image.coefs = []
    mx, my = image.mcus()
    for _, hh, v, _ in components:
        c = np.zeros((my * v, mx * hh, 64), int)
        c[..., 0] = np.cumsum(rng.integers(-20, 21, c.shape[:2]), 1)
        there = rng.random(c.shape) < density * np.exp(-np.arange(64) / 20)
        c[..., 1:] += (there * rng.integers(-size, size + 1, c.shape))[..., 1:]
        image.coefs.append(c)
    return image


# Other sampling factors. Sequential: in one scan, each component alone, and two together.
# Progressive: all scans, and only the first few, where coefficients are estimated.
FACTORS = [
    [(2, 2), (2, 2), (2, 2)], [(3, 1), (1, 1), (1, 1)], [(1, 3), (1, 1), (1, 1)], [(4, 1), (2, 1), (1, 1)],
    [(2, 2), (1, 2), (2, 1)], [(2, 1), (1, 2), (1, 1)], [(1, 4), (1, 2), (1, 1)], [(1, 1), (2, 2), (2, 2)],
    [(2, 4), (1, 1), (1, 1)], [(3, 2), (1, 1), (1, 2)], [(4, 2), (1, 1), (1, 1)],
]  # fmt: skip
for n, factors in enumerate(FACTORS):
    components = [(i + 1, a, b, min(i, 1)) for i, (a, b) in enumerate(factors)]
    w, h = ((1, 1), (5, 3), (17, 23), (33, 40), (50, 9))[n % 5]
    name = f"own-{w}x{h}-" + "-".join(f"{a}x{b}" for a, b in factors)
    image = own(w, h, components, restart=n % 3)
    if sum(a * b for a, b in factors) <= 10:
        add(name + "-one-scan", image.encode([((0, 1, 2), 0, 63, 0, 0)]))
    add(name + "-scan-each", image.encode([((i,), 0, 63, 0, 0) for i in (1, 0, 2)]))
    image = own(w, h, components, progressive=True, restart=n % 4)
    each = lambda *band: [((i,), *band) for i in range(3)]  # noqa: E731
    scans = each(0, 0, 0, 1) + each(1, 5, 0, 2) + each(6, 63, 0, 2) + each(1, 63, 2, 1) + each(0, 0, 1, 0) + each(1, 63, 1, 0)
    add(name + "-progressive", image.encode(scans))
    add(name + f"-progressive-{3 + n}-scans", image.encode(scans[: 3 + n]))
for h, v in ((1, 1), (2, 1), (4, 4)):
    add(f"own-grey-{h}x{v}", own(30, 17, [(1, h, v, 0)]).encode([((0,), 0, 63, 0, 0)]))
    scans = [((0,), 0, 0, 0, 2), ((0,), 1, 5, 0, 3), ((0,), 6, 20, 0, 0), ((0,), 0, 0, 2, 1)]
    for n in (1, 2, 4):
        add(f"own-grey-{h}x{v}-progressive-{n}-scans", own(60, 45, [(1, h, v, 0)], True, 2).encode(scans[:n]))
for ids in ((0, 1, 2), (ord("R"), ord("G"), ord("B")), (7, 7, 7)):
    add(f"own-ids-{ids[0]}-{ids[1]}", own(11, 9, [(i, 1, 1, 0) for i in ids]).encode([((0, 1, 2), 0, 63, 0, 0)]))
for adobe in (None, 0, 2):
    extra = b"" if adobe is None else encoder.segment(0xEE, b"Adobe\0d\0\0\0\0" + bytes([adobe]))
    components = [(1, 2, 2, 0), (2, 1, 1, 0), (3, 1, 1, 0), (4, 2, 2, 0)]
    add(f"own-four-components-{adobe}", own(21, 19, components).encode([((0, 1, 2, 3), 0, 63, 0, 0)], extra))
three = [(1, 2, 2, 0), (2, 1, 1, 0), (3, 1, 1, 1)]
add("own-wild", own(40, 30, three, density=0.9, size=1000).encode([((0, 1, 2), 0, 63, 0, 0)]))
add("damaged-own-component-without-scan", own(30, 30, three).encode([((0,), 0, 63, 0, 0), ((2,), 0, 63, 0, 0)]))
add("cut-own-two-components", own(9, 9, three[:2]).encode([((0, 1), 0, 63, 0, 0)]))  # not cut, but refused

# Quantisation tables: absurd ones of 8 bits; the encoder's, and larger ones, in 16 bits.
for n in range(8):
    data = bytearray(opencv(picture(50 + n, 41), list(SAMPLING)[n % 5], progressive=n // 5))
    for at, marker, length in segments(data):
        if marker == 0xDB:
            for i in range(at + 5, at + 2 + length):
                if (i - at - 4) % 65 and rng.random() < 0.3:
                    data[i] = int(rng.integers(0, 256))
    add(f"table-absurd-{n}", data)
    data = opencv(picture(50 + n, 41), list(SAMPLING)[n % 5], (50, 90)[n % 2], n // 5)
    out, rest = data[:2], b""
    for at, marker, length in segments(data):
        part = data[at : at + 2 + length]
        if marker == 0xDB:
            tables = b""
            for i in range(4, len(part), 65):
                values = [min(v * int(rng.integers(1, 2 + 30 * (n % 3))), 65535) for v in part[i + 1 : i + 65]]
                tables += bytes([0x10 | part[i]]) + struct.pack(">64H", *values)
            part = encoder.segment(0xDB, tables)
        out, rest = out + part, data[at + 2 + length :]
    add(f"table-16-bit-{n}", out + rest)

# Files as motion JPEG has them: without Huffman tables.
data = opencv(picture(40, 30))
parts = [(data[at : at + 2 + length], at + 2 + length) for at, marker, length in segments(data) if marker != 0xC4]
add("table-no-huffman", data[:2] + b"".join(p for p, _ in parts) + data[parts[-1][1] :])

# Damage.
kinds = ("byte", "five-bytes", "marker", "left-out", "twice", "cut-with-end", "restart")
for n in range(8 * len(kinds)):
    kind, progressive, restart = kinds[n % 7], n // 7 % 2, (0, 1, 2, 7)[n // 14]
    w, h = (int(v) for v in rng.integers(16, 80, 2))
    data = bytearray(opencv(picture(w, h), list(SAMPLING)[n % 5], (30, 75, 95)[n % 3], progressive, restart))
    start = data.index(b"\xff\xda") + 14
    at = int(rng.integers(start, len(data) - 2))
    if kind == "byte":
        data[at] ^= int(rng.integers(1, 256))
    elif kind == "five-bytes":
        for at in rng.integers(start, len(data) - 2, 5):
            data[at] = int(rng.integers(0, 256))
    elif kind == "marker":
        data[at] = 0xFF
    elif kind == "left-out":
        del data[at : min(at + int(rng.integers(1, 20)), len(data) - 2)]
    elif kind == "twice":
        data[at:at] = data[at : at + int(rng.integers(1, 20))]
    elif kind == "cut-with-end":
        data[at:] = b"\xff\xd9"
    elif kind == "restart":
        data[at : at + 2] = bytes([0xFF, 0xD0 + int(rng.integers(0, 8))])
    add(f"damaged-{kind}-{n}", data)
for progressive in (0, 1):
    for restart in (0, 2):
        data = opencv(picture(60, 50), progressive=progressive, restart=restart)
        for n in (1, 2, len(data) // 3, len(data) - data.index(b"\xff\xda")):
            add(f"cut-{progressive}-{restart}-{n}", data[:-n])

rows = []
for name, data in files.items():
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        rows.append(f"{name}\t0\t0\tnone")
        continue
    assert not name.startswith("cut"), name
    digest = hashlib.sha256(image[..., ::-1].tobytes()).hexdigest()
    rows.append(f"{name}\t{image.shape[1]}\t{image.shape[0]}\t{digest}")
versions = f"gen.py with numpy {np.__version__}, opencv-python {cv2.__version__}, Pillow {PIL.__version__}"
with zipfile.ZipFile("images.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    archive.comment = versions.encode()
    for name, data in [("pixels.tsv", "\n".join(rows).encode() + b"\n")] + [(n + ".jpg", d) for n, d in files.items()]:
        archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED, 9)
print(len(files), "files,", sum(r.endswith("none") for r in rows), "refused")
