"""Writes which benchmarks have which of ImageNet's classes: the last column of classes.tsv.

    subsets.py CLASSES.tsv IMAGENETTE.csv IMAGEWOOF.csv

ImageNet-A (a) and ImageNet-R (r) are the indices and the WordNet ids that timm ships, which must
be the same classes by the order of classes.tsv. imagenette (n) and imagewoof (w) are the folders
that noisy_imagenette.csv and noisy_imagewoof.csv of github.com/fastai/imagenette list.
"""

import csv
import pathlib
import sys

import timm

INFO = pathlib.Path(timm.__file__).parent / "data" / "_info"


def timm_subset(name, ids):
    """The WordNet ids of one of timm's subsets."""
    synsets = (INFO / f"imagenet_{name}_synsets.txt").read_text().split()
    indices = [int(i) for i in (INFO / f"imagenet_{name}_indices.txt").read_text().split()]
    assert [ids[i] for i in indices] == synsets and len(set(synsets)) == 200, name
    return set(synsets)


def folders(path):
    """The folders of classes in a list of images such as train/n02979186/n02979186_9036.JPEG."""
    with open(path, newline="") as f:
        found = {row["path"].split("/")[1] for row in csv.DictReader(f)}
    assert len(found) == 10, path
    return found


def main(table, imagenette, imagewoof):
    lines = [line.split("\t")[:3] for line in pathlib.Path(table).read_text().splitlines()]
    ids = [line[0] for line in lines]
    assert ids == (INFO / "imagenet_synsets.txt").read_text().split()
    subsets = {"a": timm_subset("a", ids), "r": timm_subset("r", ids), "n": folders(imagenette), "w": folders(imagewoof)}
    assert all(s <= set(ids) for s in subsets.values())
    for line in lines:
        line.append("".join(mark for mark, s in subsets.items() if line[0] in s))
    pathlib.Path(table).write_text("".join("\t".join(line) + "\n" for line in lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
