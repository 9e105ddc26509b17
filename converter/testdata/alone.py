"""Classifies images with what a converted file holds, as a program would that has nothing else.

    zoo predict NAME IMAGE... --top 1 --format ndjson | alone.py FILE.onnx FILE.safetensors IMAGE...

The network is that of FILE.onnx, computed by ONNX Runtime; the preprocessing is that of its
metadata, computed by OpenCV and Pillow. Class and score of each image must be those that zoo
prints, and both files must say the same of the network: JSON that parses, and figures as texts
and numbers that agree. docs/json.md describes the keys.

Needs the packages of requirements.txt, and those of golden/gen. It exits with 1 and says what differs.
"""

import decimal
import json
import pathlib
import sys

import cv2
import numpy as np
import onnx
import onnxruntime
import safetensors
from PIL import Image

PILLOW = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
OPENCV = {"bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC, "area": cv2.INTER_AREA}


def resized(rgb, w, h, r):
    if r["backend"] == "pillow":
        return np.asarray(Image.fromarray(rgb).resize((w, h), PILLOW[r["interpolation"]]))
    assert r["backend"] == "cv2", r
    return cv2.resize(rgb, (w, h), interpolation=OPENCV[r["interpolation"]])


def preprocess(path, p):
    """Returns the input (1,3,H,W) of an image file."""
    flags = cv2.IMREAD_COLOR | (cv2.IMREAD_IGNORE_ORIENTATION if p["exif"] == "ignore" else 0)
    rgb = np.ascontiguousarray(cv2.imdecode(np.fromfile(path, np.uint8), flags)[:, :, ::-1])
    r, (h, w) = p["resize"], rgb.shape[:2]
    if r["kind"] == "short":
        size = (r["edge"], r["edge"] * h // w) if w < h else (r["edge"] * w // h, r["edge"])
        rgb = resized(rgb, *size, r)
    elif r["kind"] == "long":
        ratio = max(w / r["edge"], h / r["edge"])
        rgb = resized(rgb, max(1, round(w / ratio)), max(1, round(h / ratio)), r)
    elif r["kind"] == "both":
        rgb = resized(rgb, r["edge"], r["edge"], r)
    elif r["kind"] == "efficientnet-center-crop":
        part = r["edge"] / (r["edge"] + r["padding"]) * min(w, h)
        y, x = (max(0, round((n - part) / 2)) for n in (h, w))
        rgb = resized(np.ascontiguousarray(rgb[y : int(y + part - 1) + 1, x : int(x + part - 1) + 1]), r["edge"], r["edge"], r)
    else:
        assert r["kind"] == "none", r
    if c := p["crop"]:
        if "fill" in p:
            mean = [min(max(round(x / p["scale"]), 0), 255) for x in p["mean"]]
            colour = (0, 0, 0) if p["fill"] == "black" else mean if p["order"] == "rgb" else mean[::-1]
            (top, bottom), (left, right) = ((max(c - n, 0) // 2, (max(c - n, 0) + 1) // 2) for n in rgb.shape[:2])
            rgb = cv2.copyMakeBorder(rgb, top, bottom, left, right, cv2.BORDER_CONSTANT, value=colour)
        h, w = rgb.shape[:2]
        y, x = (max(0, round((n - c) / 2)) for n in (h, w))
        rgb = rgb[y : y + c, x : x + c]
    x = rgb if p["order"] == "rgb" else rgb[:, :, ::-1]
    x = ((x * np.float64(p["scale"])).astype(np.float32) - np.float32(p["mean"])) / np.float32(p["std"])
    return np.ascontiguousarray(x.transpose(2, 0, 1)[None])


def check_figures(text):
    for name, figure in json.loads(text, parse_float=decimal.Decimal, parse_int=decimal.Decimal).items():
        if name in ("params", "flops", "top1", "top5"):
            assert decimal.Decimal(figure["text"]) * figure.get("unit", 1) == figure["value"], figure
    print("  published:", text)


def main():
    exported, tensors = sys.argv[1:3]
    facts = {p.key: p.value for p in onnx.load(exported).metadata_props}
    with safetensors.safe_open(tensors, "np") as f:
        others = f.metadata()
    assert others.pop("format") == "pt"
    assert facts == others, set(facts.items()) ^ set(others.items())
    print(f"{facts['model']}: {facts['zoo.arch']}, classes of {facts.get('zoo.labels')}")
    check_figures(facts["zoo.published"])
    pipeline = json.loads(facts["zoo.preprocessing"])
    print("  preprocessing:", pipeline)
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    failed, lines = False, [json.loads(line) for line in sys.stdin]
    assert [line["image"] for line in lines] == sys.argv[3:], lines
    for line in lines:
        logits = session.run(["logits"], {"input": preprocess(line["image"], pipeline)})[0][0].astype(np.float64)
        scores = np.exp(logits - logits.max())
        scores /= scores.sum()
        want, got = line["top"][0], int(scores.argmax())
        same = got == want["class"] and abs(scores[got] - want["score"]) < 1e-4
        name, verdict = pathlib.Path(line["image"]).name, "" if same else ": DIFFERS"
        print(f"  {name}: class {got}, {scores[got]:.6f}; zoo {want['class']}, {want['score']:.6f}{verdict}")
        failed |= not same
    sys.exit(failed or not lines)


if __name__ == "__main__":
    main()
