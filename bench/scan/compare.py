"""Counts what scanners say of the same files: compare.py CORPORA ZOO.

Files are of three kinds. "runs": loading the file with Python's pickle would run something
(hostile/exec_*). "unsound": hostile in another way, such as an archive that readers disagree on, or
an extent that overflows (what else hostile/MANIFEST.tsv calls "reject"). "genuine": written by
torch.save or safetensors, or hand-made and correct (oddpth, field, real, and hostile's "accept").
Files of which the manifest says "either" are left out, and so are those that are no checkpoint of
any kind (not_*, sd_*). Each scanner is asked in its own process, through its Python interface, and
zoo through its command line.
"""

import contextlib
import csv
import io
import json
import logging
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import zipfile

SECONDS = 60  # for one file


def corpus(root, unpacked):
    """Yields (kind, path)."""
    with open(root / "hostile" / "MANIFEST.tsv", encoding="utf-8") as f:
        for row in csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE):
            name, path = row["file"], root / "hostile" / row["file"]
            if row["kind"].startswith("accept"):
                yield "genuine", path
            elif row["kind"] == "either" or name.startswith(("not_", "sd_")):
                continue
            else:
                yield ("runs" if name.startswith("exec_") else "unsound"), path
    suffixes = (".pth", ".pt", ".bin", ".ckpt", ".tar", ".safetensors", ".distcp", ".metadata", ".pt2")
    for folder in ("oddpth", "field", "real"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix == ".zst":
                plain = unpacked / path.stem
                subprocess.run(["zstd", "-q", "-d", "-f", path, "-o", plain], check=True)
                path = plain
            sets = path.name in ("25_lists.tar", "32_links.tar")
            if path.is_file() and not sets and (path.suffix in suffixes or path.name == ".metadata"):
                yield "genuine", path


def picklescan(path):
    from picklescan.scanner import scan_file_path

    r = scan_file_path(path)
    return r.issues_count > 0, r.scan_err


def modelscan():
    from modelscan.modelscan import ModelScan

    scan = ModelScan()

    def ask(path):
        r = scan.scan(path)
        return r["summary"]["total_issues"] > 0, bool(r["errors"])

    return ask


def fickling(path):
    from fickling.analysis import Severity, check_safety
    from fickling.fickle import Pickled, StackedPickle

    # Its own reader of PyTorch's containers needs torch: the pickles of archives are handed to it.
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as z:
            pickles = [Pickled.load(z.read(n)) for n in z.namelist() if n.endswith(".pkl")]
    else:
        with open(path, "rb") as f:
            pickles = list(StackedPickle.load(f))
    return any(check_safety(p).severity > Severity.LIKELY_SAFE for p in pickles), False


def worker(tool):
    """Reads paths and prints a line of JSON for each."""
    logging.disable(logging.CRITICAL)
    ask = {"picklescan": lambda: picklescan, "modelscan": modelscan, "fickling": lambda: fickling}[tool]()

    def over(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, over)
    for path in sys.stdin.read().splitlines():
        start, unsafe, error = time.monotonic(), False, False
        signal.alarm(SECONDS)
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                unsafe, error = ask(path)
        except BaseException:  # some exit, or run out of their stack
            error = True
        signal.alarm(0)
        print(json.dumps([bool(unsafe), bool(error), time.monotonic() - start]), flush=True)


def answers(tool, paths, zoo):
    if tool == "zoo scan":
        for path in paths:
            start = time.monotonic()
            code = subprocess.run([zoo, "scan", "-q", path], capture_output=True, timeout=SECONDS).returncode
            yield code == 7, code not in (0, 7), time.monotonic() - start
        return
    out = subprocess.run(
        [sys.executable, __file__, "--worker", tool],
        input="\n".join(map(str, paths)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False,
    ).stdout.splitlines()
    for line in out:
        yield tuple(json.loads(line))
    for _ in range(len(paths) - len(out)):  # it ended before
        yield False, True, 0.0


def main():
    root, zoo = pathlib.Path(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as tmp:
        files = list(corpus(root, pathlib.Path(tmp)))
        total = {k: sum(kind == k for kind, _ in files) for k in ("runs", "unsound", "genuine")}
        print(f"| scanner | runs something: refused of {total['runs']} | unsound otherwise: refused of {total['unsound']} "
              f"| genuine: passed of {total['genuine']} | errors | seconds |")
        print("|---|---|---|---|---|---|")
        for tool in ("zoo scan", "picklescan", "modelscan", "fickling"):
            right = dict.fromkeys(total, 0)
            errors, seconds = 0, 0.0
            for (kind, path), (unsafe, error, took) in zip(files, answers(tool, [p for _, p in files], zoo)):
                errors += error
                seconds += took
                right[kind] += unsafe if kind != "genuine" else not unsafe and not error
                if os.environ.get("VERBOSE") and (unsafe == (kind == "genuine") or error):
                    print(f"{tool}: {kind} {path.name}: unsafe {unsafe}, error {error}, {took:.1f} s", file=sys.stderr)
            print(f"| {tool} | {right['runs']} | {right['unsound']} | {right['genuine']} | {errors} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(sys.argv[2])
    else:
        main()
