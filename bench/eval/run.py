"""Times zoo's evaluation beside the same work in Python: a DataLoader that decodes with OpenCV and
resizes with Pillow, and ONNX Runtime.

    python run.py [--images 400] [--rounds 3] [--write]

Both use every core and batches of 8. The images are made here: 500x375, JPEG 4:2:0, quality 92. Labels are
what ONNX Runtime says, so that both must count every image as right. zoo's time is that of the whole process; Python's
starts after its imports and after the model is loaded.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import cv2
import numpy as np
import onnxruntime
import PIL
import torch
from mmengine.dataset import Compose
from mmpretrain.registry import TRANSFORMS

HERE = pathlib.Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[2] / "golden" / "gen")]
import golden  # noqa: E402
import networks  # noqa: E402
import pixels  # noqa: E402
import results  # noqa: E402


def make_images(folder, n):
    """Writes n smooth random images with some texture, and returns their paths."""
    rng = np.random.default_rng(0)
    paths = []
    for i in range(n):
        coarse = rng.integers(0, 256, (12, 16, 3)).astype(np.uint8)
        image = cv2.resize(coarse, (500, 375), interpolation=cv2.INTER_CUBIC).astype(int) + rng.integers(-12, 13, (375, 500, 3))
        path = folder / f"{i:05}.JPEG"
        cv2.imwrite(str(path), np.clip(image, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 92])
        paths.append(path)
    return paths


class Images(torch.utils.data.Dataset):
    """The model's test pipeline on files, built once; what it costs is reading, scaling and normalising."""

    def __init__(self, model, paths):
        transforms, self.normalise = pixels.pipeline(model)
        self.prepare = Compose([TRANSFORMS.build(t) for t in transforms])
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        packed = self.prepare(dict(img_path=str(self.paths[i])))
        data = dict(inputs=[packed["inputs"]], data_samples=[packed["data_samples"]])
        return self.normalise(data)["inputs"].to(torch.float32).numpy()[0]


def predictions(session, images, workers):
    loader = torch.utils.data.DataLoader(images, batch_size=8, num_workers=workers, collate_fn=np.stack)
    return np.concatenate([session.run(None, {"x": x})[0].argmax(1) for x in loader])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--models", nargs="+", default=networks.CSPNETS)
    p.add_argument("--images", type=int, default=400)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--write", action="store_true", help="replace this section of bench/RESULTS.md")
    args = p.parse_args()
    cores = len(os.sched_getaffinity(0))
    folder = pathlib.Path(tempfile.mkdtemp())
    program = results.build_zoo(folder)
    paths = make_images(folder, args.images)
    rows = []
    for model in args.models:
        net, _ = networks.build(model)
        net.load_state_dict(golden.synthetic_state(net, 0))
        torch.save({"state_dict": net.state_dict()}, folder / "weights.pth")
        onnx_file, size = folder / "model.onnx", pixels.CROPS[model]
        torch.onnx.export(net.eval(), torch.zeros(1, 3, size, size), onnx_file, dynamo=False, opset_version=17, input_names=["x"],
                          output_names=["y"], dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})
        converted = folder / "weights.safetensors"
        subprocess.run([program, "convert", folder / "weights.pth", "--model", model, "-o", converted], check=True, capture_output=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = cores
        session = onnxruntime.InferenceSession(str(onnx_file), options, providers=["CPUExecutionProvider"])
        images = Images(model, paths)
        labels = predictions(session, images, cores)
        (folder / "val.txt").write_text("".join(f"{path.name} {label}\n" for path, label in zip(paths, labels)))
        times = {"zoo": [], "Python": []}
        for _ in range(args.rounds):
            start = time.perf_counter()
            out = subprocess.run([program, "-q", "eval", model, "--data", folder, "--checkpoint", converted], check=True, capture_output=True, text=True).stdout
            times["zoo"].append(time.perf_counter() - start)
            start = time.perf_counter()
            again = predictions(session, images, cores)
            times["Python"].append(time.perf_counter() - start)
            assert (again == labels).all()
        if f"{args.images} of {args.images}" not in out:
            raise SystemExit(f"{model}: zoo does not agree with ONNX Runtime on every image:\n{out}")
        rate = {k: args.images / min(v) for k, v in times.items()}
        middle = {k: args.images / statistics.median(v) for k, v in times.items()}
        rows.append(f"| {model} | {rate['zoo']:.1f} | {middle['zoo']:.1f} | {rate['Python']:.1f} | {middle['Python']:.1f} | {rate['zoo'] / rate['Python']:.2f} |")
        print(rows[-1], flush=True)
    if args.write:
        body = f"Images per second over {args.images} images, {cores} cores, best and median of {args.rounds} runs each. All labels agree.\n\n"
        body += "| | zoo | median | Python | median | ratio |\n| --- | ---: | ---: | ---: | ---: | ---: |\n" + "\n".join(rows)
        versions = [f"onnxruntime {onnxruntime.__version__}", f"opencv {cv2.__version__}", f"pillow {PIL.__version__}", f"torch {torch.__version__}"]
        results.write("Evaluation", versions, body)


if __name__ == "__main__":
    main()
