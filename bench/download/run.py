"""Times how zoo, curl with openssl, and huggingface_hub bring a file over loopback, in turn.

    python run.py [--mib 1024] [--rounds 5] [--folder /tmp] [--write]

The host is the Go program beside this script; it serves one file of random bytes from the page cache, with ranges. Each
competitor writes the file to the same folder. curl's work is followed by `openssl dgst -sha256`, since a download that nobody
checks is another thing; its peak memory is the larger of the two. zoo computes the sha256 while it downloads, and syncs file and
folder to the disk before it ends (its peers do not). huggingface_hub compares sizes, no digest. Needs Go, curl, openssl and
huggingface_hub.
"""

import argparse
import hashlib
import importlib.metadata
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import results  # noqa: E402

ROW = """
[bench]
family = "cspnet"
arch = "cspresnet50"
classes = 1000
[bench.weights]
url = "{url}/v0/bench-{short}.pth"
sha256 = "{short}"
licence = "none"
[bench.input]
resize = {{ kind = "none" }}
crop = 224
mean = [0, 0, 0]
std = [1, 1, 1]
order = "rgb"
exif = "ignore"
[bench.published]
flops_convention = "fvcore"
flops_size = 224
source = "nobody"
"""
HUB = "from huggingface_hub import hf_hub_download as get; print(get('org/net', 'net.pth', cache_dir='hub'))"


def run(command, folder, env):
    """Runs a command; returns its seconds, the most memory it held in MiB, and what it printed."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        child = subprocess.Popen(command, cwd=folder, env=os.environ | env, stdout=out, stderr=err)
        peak = 0.0
        while child.poll() is None:
            # wait4 would count this program's own memory, which the child shares until it becomes another program.
            peak = max(peak, high_water(child.pid))
            time.sleep(0.005)
        took = time.perf_counter() - start
        out.seek(0), err.seek(0)
        if child.returncode:
            raise SystemExit(f"{command[0]}: exit status {child.returncode}: {err.read().decode()}")
        return took, peak, out.read().decode()


def high_water(pid):
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0  # it has just ended
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found.group(1)) / 1024 if found else 0.0


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--mib", type=int, default=1024)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--folder", help="where the files go")
    p.add_argument("--write", action="store_true", help="replace this section of bench/RESULTS.md")
    args = p.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(dir=args.folder))
    try:
        report(args, folder)
    finally:
        shutil.rmtree(folder)


def report(args, folder):
    zoo, host = results.build_zoo(folder), folder / "host"
    subprocess.run(["go", "build", "-o", host, "./bench/download"], cwd=HERE.parents[1], check=True)
    source, digest = folder / "source", hashlib.sha256()
    with source.open("wb") as f:
        for _ in range(args.mib):
            block = os.urandom(1 << 20)
            digest.update(block)
            f.write(block)
    digest = digest.hexdigest()
    server = subprocess.Popen([host, source, digest], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    url = server.stdout.readline().strip()
    (folder / "zoo.toml").write_text(ROW.format(url=url, short=digest[:8]))
    # Each competitor is a list of commands that run one after the other, and the folder that they fill.
    peers = {
        "zoo": ([[zoo, "-q", "--cache-dir", folder / "zoo-cache", "download", "bench"]], "zoo-cache"),
        "curl, then openssl sha256": ([["curl", "-sSf", "-o", "curl.out", url + "/f"], ["openssl", "dgst", "-sha256", "curl.out"]], "curl.out"),
        "huggingface_hub": ([[sys.executable, "-c", HUB]], "hub"),
    }
    env = {"HF_ENDPOINT": url, "HF_HOME": str(folder / "hf"), "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    seconds, memory = {name: [] for name in peers}, {name: 0.0 for name in peers}
    for i in range(args.rounds + 1):
        for name, (commands, filled) in peers.items():
            took, text = 0.0, ""
            for command in commands:
                s, peak, out = run(command, folder, env)
                took, text, memory[name] = took + s, text + out, max(memory[name], peak)
            if name == "curl, then openssl sha256" and digest not in text:
                raise SystemExit(f"openssl found another sha256: {text}")
            if i > 0:  # the first round warms up
                seconds[name].append(took)
            path = folder / filled
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    server.stdin.close()
    server.wait()
    lines = ["| | seconds, best | median | MiB/s, best | peak memory, MiB | its best / zoo's best |", "|---|---|---|---|---|---|"]
    best = min(seconds["zoo"])
    for name, s in seconds.items():
        lines.append(f"| {name} | {min(s):.2f} | {statistics.median(s):.2f} | {args.mib / min(s):.0f} | {memory[name]:.0f} | {min(s) / best:.2f} |")
    body = f"{args.mib} MiB, {args.rounds} rounds after one that does not count, in turn. zoo syncs to the disk, its peers do not.\n\n" + "\n".join(lines)
    print(body)
    if args.write:
        curl = subprocess.run(["curl", "--version"], capture_output=True, text=True).stdout.split()[1]
        openssl = subprocess.run(["openssl", "version"], capture_output=True, text=True).stdout.split()[1]
        versions = [f"curl {curl}", f"OpenSSL {openssl}", f"huggingface_hub {importlib.metadata.version('huggingface_hub')}"]
        results.write("A download over loopback", versions, body)


if __name__ == "__main__":
    main()
