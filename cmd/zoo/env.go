package main

import (
	"cmp"
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/registry/hub"
)

func (a *app) envCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "env",
		Short: "Print every resolved setting, and what this machine computes with",
		Long:  "Print every resolved setting, and what this machine computes with. Formats: human, json.",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			format, z, err := a.openFor(formatJSON)
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
				Portable   string   `json:"portable,omitempty"` // why no kernels are in use, and what that costs
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
				zoo.CPU(), model.Variant(), model.Variants(), portable(), c.Threads, string(c.Precision),
				c.CacheDir, append([]string{"built in"}, c.Registries...), c.Offline, printable.Shown(c.Mirror),
				c.Lock, c.LockKey, printable.Shown(cmp.Or(c.Hub.Endpoint, hub.DefaultEndpoint)), c.Hub.Token != "", c.Hub.Cache, c.TorchCheckpoints,
			}
			if env.Threads == 0 {
				env.Threads = runtime.GOMAXPROCS(0)
			}
			if format == formatJSON {
				return a.printJSON(env)
			}
			const width = len("torch cache") + 2
			a.field(width, "version", env.Version)
			a.field(width, "go", env.Go+" "+env.Platform)
			a.field(width, "cpu", orDash(env.CPU))
			a.field(width, "kernels", fmt.Sprintf("%s (available: %s)", env.Kernels, strings.Join(env.Available, ", ")))
			if env.Portable != "" {
				a.field(width, "portable", env.Portable)
			}
			a.field(width, "threads", fmt.Sprint(env.Threads))
			a.field(width, "precision", env.Precision)
			a.field(width, "cache", env.CacheDir)
			a.field(width, "registries", strings.Join(env.Registries, ", "))
			a.field(width, "offline", fmt.Sprint(env.Offline))
			a.field(width, "mirror", orDash(env.Mirror))
			a.field(width, "lock", orDash(env.Lock))
			a.field(width, "lock key", orDash(env.LockKey))
			a.field(width, "hub", fmt.Sprintf("%s (token: %v)", env.Hub, env.HubToken))
			a.field(width, "hub cache", orDash(env.HubCache))
			a.field(width, "torch cache", orDash(env.TorchCache))
			return nil
		},
	}
}

// portable says why no kernels are in use, and what that costs; empty where they are.
func portable() string {
	reason, _ := zoo.Portable()
	if reason == "" {
		return ""
	}
	return reason + ": " + zoo.PortableCost
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
		RunE:  func(*cobra.Command, []string) error { return a.printVersion() },
	}
}

// printVersion prints what zoo version and zoo --version print.
func (a *app) printVersion() error {
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
}
