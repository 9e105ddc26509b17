"""Runs zoo convert over folders of hostile and odd checkpoints, and compares with their MANIFEST.tsv.

    corpus.py ZOO FOLDER...

ZOO is the program. A manifest has a line for each file, after a line of column names: either
file, kind and a remark, or for each tensor file, kind, path, dtype, shape, sha256 and a
remark. Kinds: reject (exit status 7), accept (every tensor as listed, by its full path), accept-ignoring-nontensor
(the same; what is no tensor is skipped) and either (one or the other). Files without listed tensors hold w = 1, 2, 3, 4.

Whatever the kind, zoo must end within 2 seconds of processor time, hold at most 64 MiB besides the tensors and mapped
files, write nothing but the output, leave none when it refuses, and say in one line which file it refuses. Needs
Python's standard library only, on Linux. It prints every difference, and exits with 1 if there is one.
"""

import hashlib
import json
import pathlib
import re
import resource
import struct
import subprocess
import sys
import tempfile
import time

SECONDS, MIB = 2, 64
DTYPES = dict(
    bool="BOOL", uint8="U8", int8="I8", uint16="U16", int16="I16", uint32="U32", int32="I32", uint64="U64", int64="I64", float16="F16",
    bfloat16="BF16", float32="F32", float64="F64", complex64="C64", complex128="C128", float8_e4m3fn="F8_E4M3", float8_e5m2="F8_E5M2",
    float8_e8m0fnu="F8_E8M0", float8_e4m3fnuz="F8_E4M3FNUZ", float8_e5m2fnuz="F8_E5M2FNUZ",
)


def manifest(folder):
    """Returns kind and listed tensors of each file."""
    files = {}
    for line in (folder / "MANIFEST.tsv").read_text().splitlines()[1:]:
        row = line.split("\t")
        kind, tensors = files.setdefault(row[0], (row[1], {}))
        if len(row) > 5 and row[2] != "-":
            tensors[row[2]] = [DTYPES[row[3]], [] if row[4] == "scalar" else [int(d) for d in row[4].split("x")], row[5]]
    return files


def tensors(path):
    """Returns dtype, shape and digest of each tensor of a safetensors file."""
    data = path.read_bytes()
    n = struct.unpack("<Q", data[:8])[0]
    head, data = json.loads(data[8 : 8 + n]), data[8 + n :]
    head.pop("__metadata__", None)
    return {k: [v["dtype"], v["shape"], hashlib.sha256(data[slice(*v["data_offsets"])]).hexdigest()] for k, v in head.items()}


def run(command):
    """Returns exit status, error output, processor seconds, and the most anonymous memory in MiB."""
    def spent():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    start, before, most = time.monotonic(), spent(), 0
    p = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while p.poll() is None and time.monotonic() - start < 20 * SECONDS:
        try:
            found = re.search(r"RssAnon:\s*(\d+)", pathlib.Path(f"/proc/{p.pid}/status").read_text())
            most = max(most, int(found.group(1)) / 1024 if found else 0)
            p.wait(0.005)
        except (OSError, subprocess.TimeoutExpired):
            pass
    p.kill()
    _, err = p.communicate()
    return p.returncode, err.decode(errors="replace"), spent() - before, most


def check(program, path, kind, want, work):
    """Returns what differs for one file."""
    out = work / "out.safetensors"
    out.unlink(missing_ok=True)
    every = ["--all"] if want else []
    status, err, seconds, memory = run([program, "-q", "convert", path, "-o", out, *every])
    lines = []
    if seconds > SECONDS:
        lines.append(f"took {seconds:.1f} s")
    left = [f.name for f in work.iterdir() if f != out]
    if left:
        lines.append(f"left {left}")
    if status == 7:
        if kind.startswith("accept"):
            lines.append(f"refused: {err.strip()}")
        if out.exists():
            lines.append("left an output")
        first = err.splitlines()[0] if err else ""
        if path.name not in first or "panic" in err or re.search(r"[\x00-\x08\x0b-\x1f\x7f]", err):
            lines.append(f"said {err[:200]!r}")
        size = 0
    elif status == 0:
        if kind == "reject":
            lines.append("accepted")
        got, size = tensors(out), out.stat().st_size
        if not want:
            want = {"w": ["F32", [4], hashlib.sha256(struct.pack("<4f", 1, 2, 3, 4)).hexdigest()]}
            known = kind != "accept" and "w" in got  # others say in words what is right
            got = {"w": got["w"]} if known else got
            want = want if known else got
        lines += [f"{k}: {got.get(k)}, expected {want.get(k)}" for k in sorted(want.keys() | got.keys()) if want.get(k) != got.get(k)]
    else:
        return lines + [f"exit status {status}: {err[:300]!r}"]
    if memory > MIB + size / 2**20:
        lines.append(f"held {memory:.0f} MiB")
    return lines


def main():
    program, *folders = [pathlib.Path(a).resolve() for a in sys.argv[1:]]
    differences = 0
    for folder in folders:
        files = manifest(folder)
        with tempfile.TemporaryDirectory() as name:
            for file, (kind, want) in sorted(files.items()):
                for line in check(program, folder / file, kind, want, pathlib.Path(name)):
                    differences += 1
                    print(f"{file}: {line}")
        print(f"{folder.name}: {len(files)} files")
    print(f"{differences} differences")
    sys.exit(differences > 0)


if __name__ == "__main__":
    main()
