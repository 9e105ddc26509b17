"""Times zoo convert beside a copy and a digest of the same file, and beside torch.load and save_file.

    python run.py [--rounds 9] [--large GIB] [--write]

Checkpoints are cspdarknet53's tensors as torch.save writes them, 111 MB in the legacy and
in the zip container; they are in the page cache, and every program starts anew: all times
are those of whole processes, in turn. The copy is cp, the digest openssl's. Memory is what a process
held beyond mapped files (RssAnon), sampled every 2 ms. --large adds a checkpoint of so many GiB.
"""

import argparse
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import OrderedDict

import safetensors
import torch

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1]))
import results  # noqa: E402

PYTHON = """
import sys, torch
from safetensors.torch import save_file
state = torch.load(sys.argv[1], map_location="cpu", weights_only=True)["state_dict"]
save_file(state, sys.argv[2])
"""


def checkpoint():
    """Returns the tensors of a network of 27.6 million parameters, OpenMMLab's cspdarknet50."""
    from mmpretrain.models.backbones import CSPDarkNet

    net = torch.nn.ModuleDict(dict(backbone=CSPDarkNet(depth=53), head=torch.nn.ModuleDict(dict(fc=torch.nn.Linear(1024, 1000)))))
    return OrderedDict((k, torch.randn_like(v) if v.is_floating_point() else v) for k, v in net.state_dict().items())


def run(command):
    """Returns the seconds that a command took, and the most anonymous memory it held, in MiB."""
    start = time.perf_counter()
    p = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    status, most = pathlib.Path(f"/proc/{p.pid}/status"), 0
    while p.poll() is None:
        try:
            most = max(most, int(re.search(r"RssAnon:\s*(\d+)", status.read_text()).group(1)))
        except (AttributeError, OSError):
            pass  # it has just ended
        try:
            p.wait(0.002)
        except subprocess.TimeoutExpired:
            pass
    seconds = time.perf_counter() - start
    if p.returncode:
        raise SystemExit(f"{command}: {p.stderr.read().decode()}")
    return seconds, most / 1024


def compare(program, source, folder, rounds):
    """Returns best and median seconds and the most memory, by what was done."""
    out, copy = folder / "out.safetensors", folder / "copy"
    commands = {
        "zoo convert": [program, "-q", "convert", source, "-o", out],
        "cp, openssl sha256": ["sh", "-c", f"cp '{source}' {copy} && openssl sha256 '{source}'"],
        "torch.load, save_file": [sys.executable, "-c", PYTHON, source, out],
    }
    taken = {what: [] for what in commands}
    for _ in range(rounds):
        for what, command in commands.items():
            for old in (out, copy):
                old.unlink(missing_ok=True)  # all write a new file
            taken[what].append(run(command))
    return {what: (min(t for t, _ in v), statistics.median(t for t, _ in v), max(m for _, m in v)) for what, v in taken.items()}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=9)
    p.add_argument("--large", type=int, default=0, metavar="GIB")
    p.add_argument("--write", action="store_true", help="replace this section of bench/RESULTS.md")
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        program = results.build_zoo(folder)
        state = checkpoint()
        files = {"legacy": dict(_use_new_zipfile_serialization=False), "zip": {}}
        for kind, how in files.items():
            torch.save(dict(meta=dict(epoch=300), state_dict=state), folder / f"{kind}.pth", **how)
        if args.large:
            part = torch.zeros(256 << 20 >> 2).uniform_()
            torch.save(dict(state_dict=OrderedDict((f"w{i}", part + i) for i in range(args.large * 4))), folder / f"zip of {args.large} GiB.pth")
            files[f"zip of {args.large} GiB"] = {}
        rows = []
        for kind in files:
            source = folder / f"{kind}.pth"
            took = compare(program, source, folder, args.rounds if source.stat().st_size < 1 << 30 else 1)
            for what, (best, middle, memory) in took.items():
                ratio = best / took["zoo convert"][0]
                rows.append(f"| {kind}, {source.stat().st_size / 1e6:.0f} MB | {what} | {1e3 * best:.0f} | {1e3 * middle:.0f} | {memory:.0f} | {ratio:.2f} |")
                print(rows[-1], flush=True)
            source.unlink()
    if args.write:
        body = f"Milliseconds of whole processes, best and median of {args.rounds} rounds; MiB beyond mapped files.\n\n"
        body += "| checkpoint | | best | median | memory | ratio |\n| --- | --- | ---: | ---: | ---: | ---: |\n" + "\n".join(rows)
        results.write("Conversion", [f"torch {torch.__version__}", f"safetensors {safetensors.__version__}"], body)


if __name__ == "__main__":
    main()
