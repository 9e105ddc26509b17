"""Where the runners of this folder put their figures: one section each of RESULTS.md."""

import datetime
import pathlib
import platform
import re
import subprocess
import sys

FILE = pathlib.Path(__file__).with_name("RESULTS.md")
INTRO = """# Measured, side by side

Each section was written by the program it names, which ran zoo and its peers in turn, on one machine, in one run. No figure is
typed by hand. Ratios are the peer's time divided by zoo's: above 1, zoo is faster.
"""


def cpu():
    """Returns the processor's name, its vector instructions and the cores this process may use."""
    text = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", text).group(1)
    flags = set(re.search(r"flags\s*: (.*)", text).group(1).split())
    known = [f for f in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f in flags]
    cores = len(re.findall(r"^processor", text, re.M))
    return f"{model}, {cores} cores, {' '.join(known)}"


def build_zoo(folder):
    """Builds zoo from this tree and returns the path of the program."""
    root = FILE.parent.parent
    out = pathlib.Path(folder).resolve() / "zoo"
    subprocess.run(["go", "build", "-o", out, "./cmd/zoo"], cwd=root, check=True)
    return out


def command():
    """Returns the command line of this run, from the project's root."""
    script = pathlib.Path(sys.argv[0]).resolve().relative_to(FILE.parent.parent)
    return " ".join(["python", str(script), *sys.argv[1:]])


def kind():
    """Returns what kind of processor this is: its name and its newest vector instructions."""
    name, _, flags = cpu().split(", ")
    return f"{name.replace('(R)', '').removesuffix(' Processor')} with {flags.split()[-1]}"


def write(section, versions, body):
    """Replaces one section of RESULTS.md of this kind of processor, or adds it; sections are sorted by title."""
    section = f"{section}: {kind()}"
    text = FILE.read_text() if FILE.exists() else ""
    sections = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", text, re.M | re.S))
    head = f"{datetime.date.today()}. CPU: {cpu()}. Linux {platform.release()}. {', '.join(versions)}.\n\n    {command()}\n\n"
    sections[section] = "\n" + head + body.strip() + "\n\n"
    FILE.write_text(INTRO + "\n" + "".join(f"## {k}\n{v}" for k, v in sorted(sections.items())).rstrip() + "\n")
    print(f"wrote section {section!r} of {FILE}", file=sys.stderr)
