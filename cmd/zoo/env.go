package main

import (
	"cmp"
	"fmt"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/registry/hub"
)

func (a *app) envCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "env",
		Short: "Print every resolved setting, and what this machine computes with",
		Long:  "Print every resolved setting, and what this machine computes with. Formats: human, json.",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			format, err := a.formatOf(formatJSON)
			if err != nil {
				return err
			}
			z, err := a.open()
			if err != nil {
				return err
			}
			c := z.Config()
			env := struct {
				Version    string   `json:"version"`
				Go         string   `json:"go"`
				Platform   string   `json:"platform"`
				CPU        string   `json:"cpu"`
				Kernels    string   `json:"kernels"`
				Available  []string `json:"kernels_available"`
				Threads    int      `json:"threads"`
				Precision  string   `json:"precision"`
				CacheDir   string   `json:"cache_dir"`
				Registries []string `json:"registries"`
				Offline    bool     `json:"offline"`
				Mirror     string   `json:"mirror"`
				Lock       string   `json:"lock"`
				LockKey    string   `json:"lock_key"`
				Hub        string   `json:"hub"`
				HubToken   bool     `json:"hub_token"` // whether there is one
				HubCache   string   `json:"hub_cache"`
				TorchCache string   `json:"torch_cache"`
			}{
				versionText(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH,
				zoo.CPU(), model.Variant(), model.Variants(), c.Threads, string(c.Precision),
				c.CacheDir, append([]string{"built in"}, c.Registries...), c.Offline, shown(c.Mirror),
				c.Lock, c.LockKey, shown(cmp.Or(c.Hub.Endpoint, hub.DefaultEndpoint)), c.Hub.Token != "", c.Hub.Cache, c.TorchCheckpoints,
			}
			if env.Threads == 0 {
				env.Threads = runtime.GOMAXPROCS(0)
			}
			if format == formatJSON {
				return a.printJSON(env)
			}
			w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			columns(w, "version", env.Version)
			columns(w, "go", env.Go+" "+env.Platform)
			columns(w, "cpu", orDash(env.CPU))
			columns(w, "kernels", fmt.Sprintf("%s (available: %s)", env.Kernels, strings.Join(env.Available, ", ")))
			columns(w, "threads", fmt.Sprint(env.Threads))
			columns(w, "precision", env.Precision)
			columns(w, "cache", env.CacheDir)
			columns(w, "registries", strings.Join(env.Registries, ", "))
			columns(w, "offline", fmt.Sprint(env.Offline))
			columns(w, "mirror", orDash(env.Mirror))
			columns(w, "lock", orDash(env.Lock))
			columns(w, "lock key", orDash(env.LockKey))
			columns(w, "hub", fmt.Sprintf("%s (token: %v)", env.Hub, env.HubToken))
			columns(w, "hub cache", orDash(env.HubCache))
			columns(w, "torch cache", orDash(env.TorchCache))
			return w.Flush()
		},
	}
}

// versionText returns the version, with the revision where the build knows it.
func versionText() string {
	if r := zoo.Revision(); r != "" {
		return zoo.Version + " (" + r + ")"
	}
	return zoo.Version
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long:  "Print the version. Formats: human, json.",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			format, err := a.formatOf(formatJSON)
			if err != nil {
				return err
			}
			if format == formatJSON {
				return a.printJSON(struct {
					Version  string `json:"version"`
					Go       string `json:"go"`
					Platform string `json:"platform"`
				}{versionText(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH})
			}
			a.line("zoo %s %s %s/%s", versionText(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}
