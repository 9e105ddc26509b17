package converter

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/bounded"
)

// Evidence is something that tells which network a checkpoint holds, beside the names and
// shapes of its tensors: those several networks may share.
type Evidence struct {
	Project string         // whose name Network is; empty where that is not known
	Network string         // by its project's name; empty where only the project is known
	Where   string         // where it was found, for messages
	Config  map[string]any // of a config.json: see recipe.Source
}

// texts are the places of a training script's checkpoint that name its network, most telling
// first: timm and torchvision's scripts write "arch" and "args", Lightning "hyper_parameters".
var texts = [][]string{
	{"arch"}, {"architecture"}, {"model_name"},
	{"args", "model"}, {"args", "arch"}, {"opt", "model"}, {"opt", "arch"}, {"config", "model"}, {"config", "arch"},
	{"hyper_parameters", "arch"}, {"hyper_parameters", "model_name"}, {"hyper_parameters", "architecture"},
	{"hyper_parameters", "backbone"}, {"hyper_parameters", "model"},
	{"hparams", "arch"}, {"hparams", "model_name"}, {"hparams", "model"},
}

// wrapped returns the network that the text of an OpenMMLab configuration takes from timm: the
// model_name of a TimmClassifier or a TIMMBackbone.
func wrapped(cfg string) (string, bool) {
	cfg = strings.ReplaceAll(cfg, `"`, "'")
	if !strings.Contains(cfg, "'TimmClassifier'") && !strings.Contains(cfg, "'TIMMBackbone'") {
		return "", false
	}
	_, rest, ok := strings.Cut(cfg, "model_name='")
	name, _, _ := strings.Cut(rest, "'")
	return name, ok && name != ""
}

// Evidence returns what the checkpoint and the config.json beside it say of its network, the
// most telling first. Other files are not looked at.
func (c *Checkpoint) Evidence() []Evidence {
	var all []Evidence
	for _, path := range texts {
		if s, ok := c.text(path...); ok && s != "" {
			all = append(all, Evidence{Network: bare(s), Where: fmt.Sprintf("%q in the file", strings.Join(path, "."))})
		}
	}
	for _, key := range []string{MetaNetwork, "arch", "architecture"} {
		if s := c.Metadata[key]; s != "" {
			project, network := projectOf(s)
			all = append(all, Evidence{Project: project, Network: bare(network), Where: fmt.Sprintf("%q in its metadata", key)})
		}
	}
	if cfg, ok := c.text("meta", "cfg"); ok {
		if name, ok := wrapped(cfg); ok {
			all = append(all, Evidence{Project: "timm", Network: bare(name), Where: `"meta.cfg" in the file`})
		}
	}
	if e, ok := c.beside(); ok {
		all = append(all, e)
	}
	return all
}

// bare returns the name of a network without a hub's address before it and a tag behind it:
// "resnet50" of "hf_hub:timm/resnet50.a1_in1k".
func bare(name string) string {
	name = name[strings.LastIndexAny(name, ":/")+1:]
	name, _, _ = strings.Cut(name, ".")
	return strings.ToLower(strings.TrimSpace(name))
}

// projectOf splits "timm/resnet50".
func projectOf(name string) (project, network string) {
	if project, network, ok := strings.Cut(name, "/"); ok {
		return project, network
	}
	return "", name
}

// maxConfig bounds a config.json in bytes.
const maxConfig = 4 << 20

// Beside tells the text of the config.json that lies beside the file where it was published, in the place of one that lies beside it here.
func (c *Checkpoint) Beside(config []byte) { c.config = config }

// beside returns what a config.json in the file's folder says, as timm and transformers write
// it. A file that is no such thing says nothing.
func (c *Checkpoint) beside() (Evidence, bool) {
	data := c.config
	if data == nil && c.folder != "" {
		var err error
		if data, err = bounded.ReadFile(filepath.Join(c.folder, "config.json"), maxConfig); err != nil {
			return Evidence{}, false
		}
	}
	var config map[string]any
	if json.Unmarshal(data, &config) != nil {
		return Evidence{}, false
	}
	const where = "config.json beside the file"
	if s, ok := config["architecture"].(string); ok && s != "" {
		return Evidence{Project: "timm", Network: bare(s), Where: where, Config: config}, true
	}
	if s, ok := config["model_type"].(string); ok && s != "" {
		return Evidence{Project: "transformers", Where: where, Config: config}, true
	}
	return Evidence{}, false
}

// ByName returns the network that the file's name begins with, of those that are known, where
// the digits that follow are those of its sha256: then the file is the one that was published
// under the name. The file is read for that.
func (c *Checkpoint) ByName(known []string) (network string, ok bool) {
	// As torch.hub names files: a network, perhaps with a tag, and the first digits.
	at := strings.LastIndexByte(c.Name, '-')
	if at < 0 {
		return "", false
	}
	digits, _, _ := strings.Cut(c.Name[at+1:], ".")
	stem := strings.ToLower(c.Name[:at])
	for _, n := range known {
		rest, begins := strings.CutPrefix(stem, n)
		if begins && (rest == "" || strings.ContainsAny(rest[:1], "_-.")) && len(n) > len(network) {
			network = n
		}
	}
	if network == "" {
		return "", false
	}
	want, err := digest.Parse(digits)
	if err != nil || !want.Matches(c.Digest()) {
		return "", false
	}
	return network, true
}

// ErrNetwork is, by errors.Is, every *NetworkError.
var ErrNetwork = errors.New("which network the file holds is not known, or it is another one")

// A NetworkError says that a checkpoint's tensors fit a network which may not be the one that
// it was trained for.
type NetworkError struct {
	Found      string   // what the file is said to hold; empty where nothing says
	Where      string   // what says so
	Candidates []string // networks that have these tensors, as "timm/resnet50"
	Same       []string // those of them that are the network asked for
	Reason     string   // where a setting beside the file is to blame
}

// Error says what is known, and what to do.
func (e *NetworkError) Error() string {
	switch {
	case e.Reason != "":
		return e.Reason
	case e.Found != "" && len(e.Same) > 0:
		return fmt.Sprintf("it holds %s, by %s: that has the same tensors as %s and computes something else", e.Found, e.Where, strings.Join(e.Same, ", "))
	case e.Found != "":
		return fmt.Sprintf("it holds %s, by %s: that has the same tensors as this network and computes something else", e.Found, e.Where)
	case len(e.Same) == 0:
		return fmt.Sprintf("its tensors are those of %s, and neither computes what this network does", strings.Join(e.Candidates, " and "))
	}
	return fmt.Sprintf("its tensors are those of %s, which compute different things, and nothing says which it is: if it is %s, say --arch %s",
		strings.Join(e.Candidates, " and "), e.Same[0], e.Same[0][strings.IndexByte(e.Same[0], '/')+1:])
}

// Is reports whether target is ErrNetwork.
func (e *NetworkError) Is(target error) bool { return target == ErrNetwork }
