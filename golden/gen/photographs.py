"""Writes the photographs that cmd/zoo embeds: scikit-image's, as JPEG files of a seventh of the size.

    photographs.py WHEEL -o DIR

WHEEL is scikit_image-*.whl as the package index has it; nothing of it is run or installed.
Pillow's encoder, quality 93, colour at half the resolution, no metadata.
"""

import argparse
import hashlib
import io
import pathlib
import zipfile

from PIL import Image

# Both CC0, as skimage/data/_fetchers.py says: by Rachel Michetti, courtesy of Pikolo Espresso Bar,
# and by Stefan van der Walt.
PHOTOGRAPHS = {
    "coffee": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    "chelsea": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("wheel", type=pathlib.Path)
    p.add_argument("-o", "--out", required=True, type=pathlib.Path)
    args = p.parse_args()
    with zipfile.ZipFile(args.wheel) as wheel:
        for name, want in PHOTOGRAPHS.items():
            data = wheel.read(f"skimage/data/{name}.png")
            if hashlib.sha256(data).hexdigest() != want:
                raise SystemExit(f"{args.wheel}: {name}.png is another file than scikit-image 0.25.2 has")
            target = args.out / f"{name}.jpg"
            pixels = Image.open(io.BytesIO(data)).convert("RGB")
            Image.frombytes("RGB", pixels.size, pixels.tobytes()).save(target, quality=93, subsampling=2, optimize=True)
            print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
