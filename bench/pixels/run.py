"""Times how zoo, Pillow and OpenCV make a network's input of photographs, in turn, on one thread.

    python run.py [--images ../../../shared/real/images] [--rounds 5] [--runs 50] [--write]

The work is cspdarknet50's test pipeline: decode, shorter edge to 288 (Pillow's bicubic), the middle
256 x 256, (x - mean) / std as float32 planes. Competitors are Pillow and numpy; OpenCV's decoder with
Pillow's resize, which is what mmpretrain does; and zoo, with vector instructions and without. Needs
numpy, Pillow, opencv-python and Go. A picture of 500x375 among the images is also timed encoded as 4:2:0.
"""

import argparse
import io
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import cv2
import numpy as np
import PIL
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import results  # noqa: E402

MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)


def finish(image):
    """Resizes, crops and normalises an RGB image of Pillow's."""
    w, h = image.size
    w, h = (288, 288 * h // w) if w < h else (288 * w // h, 288)
    image = image.resize((w, h), Image.Resampling.BICUBIC)
    x, y = max(0, round((w - 256) / 2)), max(0, round((h - 256) / 2))
    image = np.asarray(image.crop((x, y, x + min(256, w), y + min(256, h))), np.float32)
    return np.ascontiguousarray(((image - MEAN) / STD).transpose(2, 0, 1))


def pillow(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


def opencv(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


PEERS = {
    "Pillow": (pillow, lambda data: finish(pillow(data))),
    "OpenCV + Pillow": (opencv, lambda data: finish(Image.fromarray(opencv(data)[..., ::-1]))),
}
ZOO = {"zoo": "", "zoo, generic": "generic"}  # and the level of instructions that it is told to use


def timed(f, data, runs):
    f(data)
    out = []
    for _ in range(runs):
        start = time.perf_counter()
        f(data)
        out.append(1e3 * (time.perf_counter() - start))
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--images", type=pathlib.Path, default=HERE.parents[2] / "shared" / "real" / "images")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--runs", type=int, default=50, help="of each competitor in each round, after one that does not count")
    p.add_argument("--write", action="store_true", help="replace this section of bench/RESULTS.md")
    args = p.parse_args()
    cv2.setNumThreads(1)
    folder = pathlib.Path(tempfile.mkdtemp())
    program = folder / "pixels"
    subprocess.run(["go", "build", "-o", program, "./bench/pixels"], cwd=HERE.parents[1], check=True)

    files = sorted(f for f in args.images.iterdir() if f.suffix.lower() in (".jpg", ".jpeg"))
    for f in list(files):
        image = cv2.imread(str(f))
        if image.shape[:2] == (375, 500):
            small = folder / f"{f.stem}, 4:2:0.jpg"
            cv2.imwrite(str(small), image, [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420])
            files.append(small)
            break

    times = {(f, c, work): [] for f in files for c in [*PEERS, *ZOO] for work in ("decode", "pipeline")}
    for _ in range(args.rounds):
        for f in files:
            data = f.read_bytes()
            for name, (decode, pipeline) in PEERS.items():
                times[f, name, "decode"] += timed(decode, data, args.runs)
                times[f, name, "pipeline"] += timed(pipeline, data, args.runs)
            for name, level in ZOO.items():
                env = dict(os.environ, ZOO_CPU=level, GOMAXPROCS="1")
                out = subprocess.run([program, "-runs", str(args.runs), f], env=env, check=True, capture_output=True, text=True).stdout
                r = json.loads(out)
                for work in ("decode", "pipeline"):
                    times[f, name, work] += [r[f"{work}_ms_min"], r[f"{work}_ms_median"]]

    rows = []
    for f in files:
        w, h = Image.open(f).size
        zoo = min(times[f, "zoo", "pipeline"])
        for name in [*PEERS, *ZOO]:
            decode, pipeline = times[f, name, "decode"], times[f, name, "pipeline"]
            median = statistics.median(pipeline if name in PEERS else pipeline[1::2])
            rows.append([f"{f.stem} {w}x{h}", name, f"{min(decode):.2f}", f"{min(pipeline):.2f}", f"{median:.2f}", f"{min(pipeline) / zoo:.2f}"])
    header = ["image", "", "decode, ms min", "all, ms min", "all, ms median", "ratio"]
    lines = [header, ["---", "---", *["---:"] * 4], *rows]
    body = "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
    print(body)
    if args.write:
        versions = [f"Pillow {PIL.__version__}", f"opencv-python {cv2.__version__}", f"numpy {np.__version__}"]
        note = "Decoding alone, and decoding, resize, crop and normalisation of one image, on one thread, warm."
        results.write("Pixels", versions, note + "\n\n" + body)


if __name__ == "__main__":
    main()
