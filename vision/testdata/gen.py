"""Writes golden.safetensors: small images as the reference decodes and transforms them.

Run in this folder, with numpy, opencv-python, Pillow, mmpretrain and safetensors:

    python gen.py

Tensors, all uint8:

    file/NAME       (N)      an image file
    pixels/NAME     (H,W,3)  RGB of it, as imdecode(IMREAD_COLOR) gives it
    stored/NAME     (H,W,3)  the same with IMREAD_IGNORE_ORIENTATION; only where there is an orientation
    from/WxH        (H,W,3)  RGB to be scaled
    pillow/WxH/FILTER/WxH  (H,W,3)  the first size scaled to the second by Image.resize
    cv2/WxH/FILTER/WxH     (H,W,3)  the same by cv2.resize, with IPP on a processor with AVX-512
    KIND EDGE FILTER BACKEND, crop SIDE/WxH  (H,W,3)  that size through mmpretrain's transforms
"""

import io
import struct

import cv2
import numpy as np
import mmpretrain
import PIL
from mmcv.transforms import CenterCrop, Resize
from mmpretrain.datasets.transforms import EfficientNetCenterCrop, ResizeEdge
from PIL import Image
from safetensors.numpy import save_file

rng = np.random.default_rng(20)
tensors = {}


def noise(*shape, dtype=np.uint8):
    return rng.integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


def smooth(h, w):
    """A picture without sharp edges."""
    y, x = np.mgrid[:h, :w].astype(np.float64)
    planes = [128 + 90 * np.sin(x / (5 + c) + c) * np.cos(y / (7 - c)) for c in range(3)]
    return np.stack(planes, -1).round().astype(np.uint8)


def add(name, data, exif=False):
    raw = np.frombuffer(data, np.uint8)
    tensors["file/" + name] = raw.copy()
    tensors["pixels/" + name] = cv2.imdecode(raw, cv2.IMREAD_COLOR)[..., ::-1].copy()
    if exif:
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        tensors["stored/" + name] = cv2.imdecode(raw, flags)[..., ::-1].copy()


def pillow(array, kind, mode=None, palette=None, **options):
    image = Image.fromarray(array, "CMYK") if array.ndim == 3 and array.shape[2] == 4 and kind == "JPEG" else Image.fromarray(array)
    if palette is not None:
        image = Image.new("P", image.size)
        image.putdata(array.ravel().tolist())
        image.putpalette(palette)
    if mode:
        image = image.convert(mode)
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png16(array):
    ok, data = cv2.imencode(".png", array)
    assert ok
    return data.tobytes()


def exif(orientation, little=False):
    tags = Image.Exif()
    tags[0x0112] = orientation
    data = tags.tobytes()
    if not little:
        return data
    value = orientation.to_bytes(2, "little")
    return (b"Exif\0\0II*\0\x08\0\0\0\x02\0" + b"\x00\x01\x03\0\x01\0\0\0\x05\0\0\0"
            + b"\x12\x01\x03\0\x01\0\0\0" + value + b"\0\0" + b"\0\0\0\0")


# PNG: every kind of pixel.
colours = noise(48).tolist()
add("rgb.png", pillow(noise(7, 5, 3), "PNG"))
add("rgb-key.png", pillow(noise(7, 5, 3), "PNG", transparency=(1, 2, 3)))
add("rgba.png", pillow(noise(7, 5, 4), "PNG"))
add("grey.png", pillow(noise(7, 5), "PNG"))
add("grey-key.png", pillow(noise(7, 5) % 4, "PNG", transparency=2))
add("grey-alpha.png", pillow(noise(7, 5, 2), "PNG"))
add("grey-1bit.png", pillow(noise(7, 13), "PNG", mode="1"))
for bits in (1, 2, 4):
    index = noise(7, 13) % min(2**bits, 16)
    add(f"palette-{bits}bit.png", pillow(index, "PNG", palette=colours[: 3 * 2**bits], bits=bits))
add("palette-alpha.png", pillow(noise(7, 13) % 16, "PNG", palette=colours, transparency=bytes(range(0, 256, 16))))
add("grey-16bit.png", png16(noise(7, 5, dtype=np.uint16)))
add("rgb-16bit.png", png16(noise(7, 5, 3, dtype=np.uint16)))
add("rgba-16bit.png", png16(noise(7, 5, 4, dtype=np.uint16)))
add("1x1.png", pillow(noise(1, 1, 3), "PNG"))
for o in (1, 3, 6):
    add(f"orientation-{o}.png", pillow(noise(4, 6, 3), "PNG", exif=exif(o)), exif=True)

# JPEG: one of each kind (internal/jpeg has many more), and what EXIF says.
add("420.jpg", pillow(smooth(17, 23), "JPEG", quality=95, subsampling=2))
add("progressive.jpg", pillow(smooth(17, 23), "JPEG", quality=95, subsampling=0, progressive=True))
add("grey.jpg", pillow(smooth(17, 23)[..., 0].copy(), "JPEG", quality=95))
ink = np.dstack([smooth(17, 23), smooth(23, 17).swapaxes(0, 1)[..., 0]])
add("cmyk.jpg", pillow(ink, "JPEG", quality=95))
for o in range(10):  # 0 and 9 mean nothing
    data = pillow(smooth(6, 11), "JPEG", quality=95, subsampling=0, exif=exif(o, little=o % 2 == 1))
    add(f"orientation-{o}.jpg", data, exif=True)


def fields(*entries, order="<"):
    """EXIF data of fields (tag, type, count, value of 32 bits)."""
    head = struct.pack(order + "2sHIH", {"<": b"II", ">": b"MM"}[order], 42, 8, len(entries))
    return b"Exif\0\0" + head + b"".join(struct.pack(order + "HHII", *e) for e in entries)


def segments(*exifs):
    """A JPEG file with these EXIF segments."""
    data = pillow(smooth(6, 11), "JPEG", quality=95)
    return data[:2] + b"".join(b"\xff\xe1" + struct.pack(">H", len(e) + 2) + e for e in exifs) + data[2:]


turned = (0x0112, 3, 1, 6)
for name, data in {
    "two-segments": segments(fields((0x0132, 2, 4, 0)), fields(turned)),
    "two-orientations": segments(fields((0x0112, 3, 1, 8)), fields(turned)),
    "long": segments(fields((0x0112, 4, 1, 6))),
    "long-big-endian": segments(fields((0x0112, 4, 1, 6), order=">")),
    "text-inside": segments(fields((0x010F, 2, 12, 8), turned)),
    "text-outside": segments(fields((0x010F, 2, 40, 8), turned)),
    "text-short": segments(fields((0x010F, 2, 3, 9999), turned)),
    "rational-inside": segments(fields((0x011A, 5, 1, 8), turned)),
    "rational-outside": segments(fields((0x011A, 5, 1, 30), turned)),
    "rationals-outside": segments(fields((0x013F, 5, 6, 8), turned)),
    "outside-after": segments(fields(turned, (0x011A, 5, 1, 3000))),
    "unknown-outside": segments(fields((0x9999, 5, 1, 3000), turned)),
    "cut-in-value": segments(fields(turned)[:-1]),
    "cut-in-field": segments(fields(turned)[:-3]),
    "cut-in-header": segments(fields(turned)[:13]),
    "other-order": segments(fields(turned, order=">").replace(b"MM", b"XY")),
    "not-42": segments(fields(turned).replace(b"II*", b"II+")),
    "empty": segments(b"Exif\0\0", fields(turned)),
}.items():
    add(f"exif-{name}.jpg", data, exif=True)

# BMP, WebP and TIFF.
flat = noise(48).tolist()
for name, image in {"rgb": noise(7, 5, 3), "grey": noise(7, 5), "rgba": noise(7, 5, 4)}.items():
    add(f"{name}.bmp", pillow(image, "BMP"))
    add(f"{name}.cv.bmp", cv2.imencode(".bmp", image)[1].tobytes())
    add(f"{name}.tiff", pillow(image, "TIFF"))
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
        add(f"{name}.{compression}.tiff", pillow(image, "TIFF", compression=compression))
add("1bit.bmp", pillow(noise(7, 13), "BMP", mode="1"))
add("palette.bmp", pillow(noise(7, 13) % 16, "BMP", palette=flat))
add("1bit.tiff", pillow(noise(7, 13), "TIFF", mode="1"))
add("palette.tiff", pillow(noise(7, 13) % 16, "TIFF", palette=flat))
add("grey-16bit.tiff", cv2.imencode(".tiff", noise(7, 5, dtype=np.uint16))[1].tobytes())
add("rgb-16bit.tiff", cv2.imencode(".tiff", noise(7, 5, 3, dtype=np.uint16))[1].tobytes())
for o in range(1, 9):
    add(f"orientation-{o}.tiff", pillow(noise(4, 6, 3), "TIFF", tiffinfo={0x0112: o}), exif=True)
for h, w in ((1, 1), (1, 2), (2, 1), (16, 16), (17, 23), (40, 33)):
    for quality in (20, 90):
        add(f"{w}x{h}-q{quality}.webp", pillow(smooth(h, w), "WEBP", quality=quality))
add("noise.webp", pillow(noise(18, 35, 3), "WEBP", quality=100))
add("alpha.webp", pillow(noise(9, 12, 4), "WEBP", quality=60))
add("lossless.webp", pillow(noise(9, 12, 3), "WEBP", lossless=True))
add("lossless-alpha.webp", pillow(noise(9, 12, 4), "WEBP", lossless=True, exact=True))
for o in (1, 6):
    add(f"orientation-{o}.webp", pillow(smooth(6, 11), "WEBP", exif=exif(o)), exif=True)

# Resize: shrinking, enlarging, one side only, sides of one pixel, no change; whole ratios.
PILLOW = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
OPENCV = {"bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC, "area": cv2.INTER_AREA}
for (w, h), sizes in {
    (1, 1): [(1, 1), (5, 3)],
    (1, 9): [(4, 4), (1, 3)],
    (13, 1): [(5, 1), (26, 2)],
    (3, 7): [(5, 11), (14, 3)],
    (31, 23): [(31, 23), (16, 12), (37, 29), (31, 7), (5, 23), (7, 40), (1, 1), (30, 22)],
    (64, 48): [(27, 20), (3, 2), (32, 24), (16, 24), (64, 16), (40, 12), (90, 20)],
}.items():
    image = noise(h, w, 3)
    image[h // 3 : h // 2] = 255 * (image[h // 3 : h // 2] > 127)  # overshoots that must be clipped
    tensors[f"from/{w}x{h}"] = image
    for w2, h2 in sizes:
        for name, resample in PILLOW.items():
            tensors[f"pillow/{w}x{h}/{name}/{w2}x{h2}"] = np.array(Image.fromarray(image).resize((w2, h2), resample))
        for name, interpolation in OPENCV.items():
            tensors[f"cv2/{w}x{h}/{name}/{w2}x{h2}"] = cv2.resize(image, (w2, h2), interpolation=interpolation)

# Whole transforms, of mmpretrain. It has OpenCV's order, blue first; channels do not meet.
for w, h in ((64, 48), (31, 23), (13, 1)):
    for name, steps in {
        "short-edge 20 bilinear pillow, crop 16": [ResizeEdge(20, "short", backend="pillow"), CenterCrop(16)],
        "short-edge 40 bicubic cv2, crop 33": [ResizeEdge(40, "short", interpolation="bicubic"), CenterCrop(33)],
        "short-edge 19 bilinear cv2, crop 18": [ResizeEdge(19, "short"), CenterCrop(18)],
        "both 21 bicubic pillow, crop 0": [Resize(21, interpolation="bicubic", backend="pillow")],
        "both 24 bilinear cv2, crop 20": [Resize(24), CenterCrop(20)],
        "efficientnet-center-crop 24 bicubic cv2, crop 0": [EfficientNetCenterCrop(24, crop_padding=8)],
        "efficientnet-center-crop 28 bilinear pillow, crop 0": [
            EfficientNetCenterCrop(28, crop_padding=0, interpolation="bilinear", backend="pillow")
        ],
    }.items():
        if h == 1 and name.startswith("efficientnet"):
            continue  # it cuts nothing out of one row
        results = {"img": tensors[f"from/{w}x{h}"].copy()}
        for step in steps:
            results = step(results)
        tensors[f"{name}/{w}x{h}"] = np.ascontiguousarray(results["img"])

# One key only: safetensors writes several in any order.
versions = f"numpy {np.__version__}, opencv-python {cv2.__version__}, Pillow {PIL.__version__}, mmpretrain {mmpretrain.__version__}"
save_file(tensors, "golden.safetensors", {"generator": "vision/testdata/gen.py with " + versions})
