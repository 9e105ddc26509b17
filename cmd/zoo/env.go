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
			fmt.Fprintf(w, "version\t%s\n", env.Version)
			fmt.Fprintf(w, "go\t%s %s\n", env.Go, env.Platform)
			fmt.Fprintf(w, "cpu\t%s\n", orDash(env.CPU))
			fmt.Fprintf(w, "kernels\t%s (available: %s)\n", env.Kernels, strings.Join(env.Available, ", "))
			fmt.Fprintf(w, "threads\t%d\n", env.Threads)
			fmt.Fprintf(w, "precision\t%s\n", env.Precision)
			fmt.Fprintf(w, "cache\t%s\n", env.CacheDir)
			fmt.Fprintf(w, "registries\t%s\n", strings.Join(env.Registries, ", "))
			fmt.Fprintf(w, "offline\t%v\n", env.Offline)
			fmt.Fprintf(w, "mirror\t%s\n", orDash(env.Mirror))
			fmt.Fprintf(w, "lock\t%s\n", orDash(env.Lock))
			fmt.Fprintf(w, "lock key\t%s\n", orDash(env.LockKey))
			fmt.Fprintf(w, "hub\t%s (token: %v)\n", env.Hub, env.HubToken)
			fmt.Fprintf(w, "hub cache\t%s\n", orDash(env.HubCache))
			fmt.Fprintf(w, "torch cache\t%s\n", orDash(env.TorchCache))
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
			fmt.Fprintf(a.stdout, "zoo %s %s %s/%s\n", versionText(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}
