package main

import "fmt"

// topics are the words that zoo uses, in the order of the glossary. Lines are at most 80 columns
// wide; a paragraph or a list of one is Markdown as it stands.
var topics = []topic{
	{
		name: "row", also: []string{"rows", "entry", "model", "registry", "catalogue", "zoo.toml", "alias", "aliases", "name", "names"},
		short: "what zoo knows of one model",
		text: `A row is a table in zoo.toml: the model's name, its family and architecture,
where the file is and how to know it, how pictures are prepared, and the figures
that were published. The name is the published one, even where it misleads. What
a publisher does not state is left out; nothing is guessed.

An alias is another name of a row, such as resnet50: what most people mean,
decided in zoo.toml and not by a guess. Commands say what it stands for, and
write the row's name. Where neither a row nor an alias has a name, the nearest
rows are offered.

Rows come from the program, from zoo/zoo.toml in the user's configuration
folder, from ./zoo.toml, from ZOO_CONFIG and from --config, later ones over
earlier ones. When a file changes a built-in row, output says so each time the
row is used. A checkpoint of one's own becomes a model with a name by a row that
is like another one.`,
		example:  "zoo info cspresnet-nano_digits",
		see:      []string{"checkpoint", "trust"},
		document: "zoo-toml.md",
		commands: []string{"list", "info", "row"},
	},
	{
		name: "checkpoint", also: []string{"state dict", "weights", "pickle", "pth", "safetensors"},
		short: "the file that holds a network's weights",
		text: `A checkpoint is a file of named tensors. PyTorch writes it as a pickle, which is
a program that Python runs while it loads the file. zoo reads it with a lexer
and a closed table of names: nothing in it can run, and every size in it is
checked before memory is taken. The names and their tensors, in order, are the
state dict.

A file may hold several networks, such as the weights and their running average:
the average is taken first, and --weights KEY takes another.`,
		example:  "zoo download cspresnet-nano_digits --output nano.pth\nzoo inspect nano.pth",
		see:      []string{"recipe", "digest"},
		document: "scan.md",
		commands: []string{"convert", "inspect", "scan"},
	},
	{
		name: "recipe", also: []string{"recipes", "rename", "foreign names"},
		short: "how another project's names become this one's",
		text: `Projects publish the same network with other names for its tensors, or with
other ranks. A recipe is the list of rules that turns one project's state dict
into the one that the network wants: rename, flatten, squeeze, join, cut,
turn, drop. It belongs to the family of the network, and is proven by a golden
of the other project's network.

After it every key and every shape is compared with what the network wants. What
is missing, is left over, or has another shape is an error; nothing is filled
in.`,
		example:  "zoo convert cspresnet-nano_digits -o nano.safetensors --explain",
		see:      []string{"checkpoint", "golden"},
		document: "adding-a-family.md",
		commands: []string{"convert", "inspect"},
	},
	{
		name: "form", also: []string{"forms", "deploy", "training form"},
		short: "how a network that is trained with branches or norms to fuse is written",
		text: `RepVGG and MobileOne train with parallel branches whose sum is one convolution,
LeViT with a norm after each layer, which the layer can take in, RIFormer
with factors behind norms, which the norm can take in, and RepMLP with
convolutions beside layers over whole channels, which can take those in.
Both forms compute the same; the deploy form has fewer parameters and is faster.
What is published may be of either, and the row says which. zoo convert --deploy
fuses branches and norms.`,
		example:  "zoo info mobileone-s0_8xb32_in1k --deploy",
		see:      []string{"flops", "checkpoint"},
		commands: []string{"info"},
	},
	{
		name: "preprocessing", also: []string{"crop", "resize", "input", "pixels"},
		short: "how a picture becomes the numbers that a network takes",
		text: `Each row states its own: to which size a picture is resized and by whose
arithmetic (OpenCV's or Pillow's), which square is cut out of the middle, the
order of the channels, and the mean and deviation that numbers are scaled by.
zoo gives the same bytes as those libraries, JPEG decoding included. Other
pixels are another result: published accuracies hold for the published
preprocessing only.`,
		example:  "zoo pixels docs/five.png --for cspresnet-nano_digits -o seen.png",
		see:      []string{"row", "score"},
		commands: []string{"pixels"},
	},
	{
		name: "score", also: []string{"scores", "logits", "softmax", "sigmoid", "top1", "top5"},
		short: "how much a network is for a class, from 0 to 1",
		text: `A classifier computes a logit for each class, of any size. Scores are their
softmax: they add up to 1. Where a picture may be of several classes
(--multi-label), or the classifier has one row, a score is the sigmoid of its
logit, and is said to be. A score is no probability of being right.

Top-1 is the share of pictures whose best class is the true one, Top-5 of those
that have it among the best five.`,
		example:  "zoo predict cspresnet-nano_digits docs/five.png --top 3",
		see:      []string{"cam", "verdict"},
		commands: []string{"predict", "eval"},
	},
	{
		name: "cam", also: []string{"class activation map", "map"},
		short: "where in a picture a class was seen",
		text: `A class activation map tells for each place of a picture how much it adds to the
logit of a class. It is exact for networks that end in an average over all
places and a linear classifier, and an error for others.`,
		example:  "zoo predict cspresnet-nano_digits docs/five.png --cam map.png",
		see:      []string{"score"},
		commands: []string{"predict"},
	},
	{
		name: "precision", also: []string{"precisions", "highest", "high", "medium", "bf16"},
		short: "how products may be computed",
		text: `The names are PyTorch's for products of float32:

- highest: float32 multiply-adds only. What verify and report use unless told
  otherwise.
- high: other ways of float32 grade too, such as Winograd's, or products split
  into parts of bf16. What predict, embed, eval and bench use unless told
  otherwise.
- medium: products of bf16 with float32 sums, where the processor has them;
  faster, and good to about two digits. Elsewhere it is high.

Each result says which it was.`,
		example:  "zoo verify cspresnet-nano_digits --precision all",
		see:      []string{"golden", "headroom"},
		commands: []string{"verify", "bench", "predict", "embed", "eval"},
	},
	{
		name: "golden", also: []string{"goldens", "reference", "probe", "probes", "synthetic"},
		short: "what the reference framework computed, to be compared with",
		text: `A golden is a file of numbers that PyTorch computed in float64 for one network
and one input: its logits and, for each module that is left after fusion, its
greatest value, its mean and 64 values at fixed places (a probe). zoo computes
the same input and compares all of them; what fails names the first module that
goes wrong.

Weights and inputs of most goldens are synthetic: they follow from a name, a
shape and a seed, bit for bit the same in Go and numpy. So a network is proven
without its checkpoint. What the true checkpoint gives is what zoo eval
measures. Those of a network with few norms are multiplied by a gain, such as
0.35, which zoo bench takes after the seed.`,
		example:  "zoo verify cspresnet-nano_digits",
		see:      []string{"headroom", "precision", "verdict"},
		commands: []string{"verify"},
	},
	{
		name: "headroom", also: []string{"tolerance", "error", "noise"},
		short: "how many times larger an error could be before it fails",
		text: `The error of a run is its largest difference from the golden, as a share of the
largest value there. The tolerance is what it may be at most:

- highest: 1e-4, or 8 times the noise of the network where that is more.
- high: 1e-4, or 64 times the noise.
- medium: 5e-2, or 30000 times the noise; beyond 0.2 it is not judged.

The noise is how far the reference itself errs in float32. Headroom is tolerance
over error: 1x would be the limit. A headroom of some dozens says that the
network is the published one, computed in another order; one that is nearly
right, with a wrong slope or border, fails by far.`,
		example:  "zoo verify cspresnet-nano_digits",
		see:      []string{"golden", "precision"},
		commands: []string{"verify"},
	},
	{
		name: "flops", also: []string{"flop", "macs", "gflops", "convention", "conventions"},
		short: "how much a network computes, counted by a named convention",
		text: `In every published figure here 1 FLOP is one multiply-accumulate. Which
operators count, and whether the classifier does, depends on the counter:

- mmcv-legacy: OpenMMLab's until 2022. Convolutions with their biases, batch
  norm, activations and pooling, without the classifier.
- mmengine: OpenMMLab's since. Convolutions, batch norm and global average
  pooling, without the classifier.
- mmengine-train: the same of a network in training mode, where batch norm
  counts five operations in place of two. Figures of 2022 and 2023 follow it.
- fvcore: the operators of mmengine over the whole network, classifier included.
- timm: fvcore on timm's code, where the poolings of gates are not counted.
- torchvision: convolutions, linear layers and the products of attention over
  the whole network, and nothing else.

A row names the convention and the input size of its figure. The GFLOP/s of zoo
bench are speeds: there a multiply-accumulate counts as two.`,
		example:  "zoo info cspresnet-nano_digits --convention fvcore",
		see:      []string{"verdict", "form"},
		commands: []string{"info", "report", "bench"},
	},
	{
		name: "verdict", also: []string{"verdicts", "exact", "rounded", "reproduced", "consistent", "differs", "not measured"},
		short: "how a figure found here stands to the published one",
		text: `- exact: a count that is the published integer.
- rounded: a count within half a unit of the last published digit.
- reproduced: an accuracy, measured on the whole published set, that is the
  published one in all of its digits.
- consistent: an accuracy, measured on a part of the set, whose 95 % interval
  holds the published one.
- differs: none of these. The row's note says why, where that is known.
- not measured: published, but not measured here. zoo report --measured takes
  the log of an evaluation.
- not published: nothing to compare with.

PASS and FAIL of zoo verify are about something else: whether the network
computes what the reference does.`,
		example:  "zoo report cspresnet-nano_digits",
		see:      []string{"flops", "golden"},
		document: "reproduction.md",
		commands: []string{"report", "eval"},
	},
	{
		name: "benchmark", also: []string{"benchmarks", "imagenetv2", "imagenet-a", "imagenet-r", "imagenet-sketch", "imagenet-real", "imagenette", "imagewoof"},
		short: "a set of images beside ImageNet's own that its networks are measured on",
		text: `ImageNet's networks are measured on other sets too, which zoo eval takes as
their archives have them, or unpacked:

- ImageNetV2: 1000 classes, 10 new images of each, in folders 0 to 999, which
  are read as numbers. Its three variants, matched-frequency, threshold-0.7
  and top-images, are told by the name of the folder or archive.
- ImageNet-A: images that networks fail on, of 200 classes.
- ImageNet-R: art, toys and other renditions, of 200 classes.
- ImageNet-Sketch: drawings of the 1000 classes.
- ImageNet-Real: ImageNet's validation images with the labels of --labels
  real.json, each of which is right. Images without one are in no figure, as
  its authors have it.
- imagenette, imagewoof: ImageNet's own images of ten classes, also with a
  shorter edge of 160 or 320 pixels. Nearly all are of its training set, which
  networks have seen: the figure says that all is connected as it should be,
  not how good a network is.

A set of some classes is scored among these: the best of the 200 or 10 counts,
whatever the others have, as those who publish figures do. The figure among all
classes stands beside it, and in the log, which names the benchmark and the
number of classes that are scored. Logs of different scoring are not merged, and
zoo report --measured takes figures of ImageNet's own images only.

What is published for ImageNet says nothing of these sets. timm publishes
figures on five of them; zoo shows one for timm's own rows, and where
OpenMMLab's index and timm name the same checkpoint, with the pixels that timm
measured it on.`,
		example:  "zoo eval cspresnet50_3rdparty_8xb32_in1k --data imagenet-a -o a.jsonl",
		see:      []string{"score", "verdict"},
		commands: []string{"eval"},
	},
	{
		name: "digest", also: []string{"digests", "sha256", "prefix", "checksum"},
		short: "the sha256 of a file: what makes it that file",
		text: `A digest is 64 hexadecimal digits that follow from all bytes of a file. Nobody
can make another file with the same ones. Publishers often state no more than
the first eight, in the name of the file: these keep out damaged and wrong
files, but another file with the same eight is found in seconds. Files are known
by their digest only, never by their name or address.`,
		example:  "zoo cache verify",
		see:      []string{"trust", "lock"},
		document: "security.md",
		commands: []string{"download", "import", "cache verify"},
	},
	{
		name: "trust", also: []string{"checked by", "origin", "host"},
		short: "by whose word a file is the published one",
		text: `Output says what a file was checked against:

- sha256: all digits, which the row states.
- lock: all digits, which zoo.lock pins, or which were learnt in this cache when
  the file came straight from the address that is built in.
- host: all digits, as the host of the file states them, and the eight of the
  row.
- prefix: only the eight digits that the file's name carries.
- nothing: a file of this machine whose row states no digest.

What came by a mirror, by an import or by a project's row stays what it is until
it is pinned by hand with zoo lock.`,
		example:  "zoo cache ls",
		see:      []string{"digest", "lock"},
		document: "security.md",
		commands: []string{"download", "import", "cache ls"},
	},
	{
		name: "lock", also: []string{"zoo.lock", "pin", "lock file", "key", "signature"},
		short: "the file that pins exact checkpoints, to be committed",
		text: `zoo.lock has a line for each pinned model: its name, all digits of its file's
digest and its size, and before it a comment on how the file came. Where it is
there, its digests hold. It can be signed with an ed25519 key: with --lock-key
or ZOO_LOCK_KEY nothing is used but what the holder of that key signed, embedded
models included.`,
		example:  "zoo lock cspresnet-nano_digits\nzoo lock key release.key\nzoo lock sign --key release.key",
		see:      []string{"digest", "trust", "bundle"},
		document: "security.md",
		commands: []string{"lock", "lock sign", "lock verify", "lock key"},
	},
	{
		name: "bundle", also: []string{"bundles", "air gap"},
		short: "models in one file, for machines without a network",
		text: `A bundle is a tar file, compressed or not, with checkpoints, the lock file that
pins them, their goldens, their licences, and the rows of those that are not
built in. The same models give the same bytes. With --key every byte of it is
signed, and --lock-key takes no other bundle. A machine that loads it downloads,
converts, verifies and predicts as if it had a network.`,
		example:  "zoo bundle create cspresnet-nano_digits -o models.tar\nzoo bundle load models.tar",
		see:      []string{"lock", "cache"},
		document: "security.md",
		commands: []string{"bundle", "bundle create", "bundle load"},
	},
	{
		name: "cache", also: []string{"cache folder"},
		short: "the folder of downloads and converted files",
		text: `It is the folder of --cache-dir, else of ZOO_CACHE, else zoo in the user's cache
folder. Files in it are named by their digest, appear whole or not at all, and
can be made again. Several programs and several users may share one. Whoever can
write to it is trusted.`,
		example:  "zoo cache ls\nzoo cache path",
		see:      []string{"digest", "settings"},
		document: "security.md",
		commands: []string{"cache", "cache prune"},
	},
	{
		name: "settings", also: []string{"environment", "flags", "offline", "mirror", "proxy", "configuration"},
		short: "what can be set, and what wins",
		text: `A flag wins over the environment, over ./zoo.toml, over zoo/zoo.toml in the
user's configuration folder, over what is built in.

- ZOO_CACHE, --cache-dir: the cache folder.
- ZOO_OFFLINE, --offline: open no network connection.
- ZOO_MIRROR, --mirror: takes the place of scheme and host of download
  addresses.
- ZOO_CONFIG, --config: a zoo.toml with rows to add or override.
- ZOO_LOCK, --lock, and ZOO_LOCK_KEY, --lock-key: the lock file, and its key.
- ZOO_CPU: the kernels to compute with, such as generic or avx2.
- NO_COLOR, --color: whether verdicts are coloured on a terminal.
- HTTPS_PROXY, HTTP_PROXY, NO_PROXY, SSL_CERT_FILE: the way to the network.
- HF_ENDPOINT, HF_TOKEN, HF_HOME, TORCH_HOME: the hub, and caches of other
  programs.`,
		example:  "zoo env",
		see:      []string{"cache", "lock", "row"},
		commands: []string{"env"},
	},
	{
		name: "formats", also: []string{"format", "json", "ndjson", "csv", "md", "html", "output"},
		short: "how results are printed",
		text: `Data go to standard output, everything else to standard error. --format says
how:

- auto, human: for people.
- json: one object, with schema_version; ndjson: one object a line.
- csv: for spreadsheets; md and html: tables for pages.

Each command says which it knows. With json and ndjson errors are objects too,
on standard error. What would act on a terminal or in a spreadsheet is escaped;
JSON brings texts back whole.`,
		example:  "zoo list 'csp*' --format csv",
		see:      []string{"exit"},
		commands: []string{"list", "report"},
	},
	{
		name: "exit", also: []string{"exit status", "exit statuses", "status", "exit code", "errors"},
		short: "how a command ended, for scripts",
		text: fmt.Sprintf(`- %d: good.
- %d: an internal error, or anything without a status of its own: a full disk, a
  picture that cannot be read.
- %d: usage. A command line, a setting or an option that cannot be right.
- %d: an unknown model.
- %d: verification failed: the network does not compute what the reference does.
- %d: the network; or offline, and not in the cache.
- %d: a digest or a signature that does not hold, or is missing.
- %d: an unsafe, corrupt or misfitting checkpoint.
- %d: interrupted.

Messages name the file, the tensor or the key, what was expected and what was
found, and what to do next.`,
			exitOK, exitInternal, exitUsage, exitUnknown, exitVerify, exitNetwork, exitDigest, exitCheckpoint, exitInterrupted),
		example: "zoo verify cspresnet-nano_digits && echo verified",
		see:     []string{"formats"},
	},
}
