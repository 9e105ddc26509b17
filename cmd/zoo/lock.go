package main

import (
	"github.com/spf13/cobra"

	"github.com/gozoo/zoo/registry/lock"
)

func (a *app) lockCommand() *cobra.Command {
	var update bool
	c := &cobra.Command{
		Use:   "lock NAME|GLOB...",
		Short: "Pin models' exact files in zoo.lock, to be committed",
		Long: `Fetch each model's file where need be and pin its sha256 in zoo.lock (or --lock FILE), which
is made if it is not there, and how each came: from the built-in address, a mirror, an import.
From then on every command in that folder takes that file or none, and adds what it fetches,
if that came from its built-in address or its row states all digits. With --lock-key, a lock
file that is there must be signed before more is added, and one that is made must be signed
before it is trusted. A GLOB such as 'csp*' stands for the models whose names it matches. Formats: human, json, ndjson.`,
		Example: "  zoo lock cspresnet50_3rdparty_8xb32_in1k\n  zoo lock key release.key\n  zoo lock sign --key release.key\n  zoo lock verify --key release.key.pub",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := a.formatOf(formatJSON, formatNDJSON)
			if err != nil {
				return err
			}
			a.ownLock = lock.FileName
			z, err := a.open()
			if err != nil {
				return err
			}
			names, err := a.expand(z, args)
			if err != nil {
				return err
			}
			sources, err := z.Pin(cmd.Context(), names, update)
			if err != nil {
				return err
			}
			a.hint("%d pinned in %s", len(sources), z.Config().Lock)
			return a.printSources(sources, format)
		},
		ValidArgsFunction: a.completeNames,
	}
	c.Flags().BoolVar(&update, "update", false, "forget what was known of the names before")
	c.AddCommand(a.lockSignCommand(), a.lockVerifyCommand(), &cobra.Command{
		Use:     "key FILE",
		Short:   "Make a key pair to sign with: FILE, which is secret, and FILE.pub",
		Long:    "Make a key pair to sign with: FILE, which is secret, and FILE.pub. Formats: human, json.",
		Example: "  zoo lock key release.key",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			format, err := a.formatOf(formatJSON)
			if err != nil {
				return err
			}
			if err := lock.WriteKeys(args[0]); err != nil {
				return err
			}
			if format == formatJSON {
				return a.printJSON(struct {
					Private string `json:"private_key"`
					Public  string `json:"public_key"`
				}{args[0], args[0] + ".pub"})
			}
			a.line("%s", args[0])
			a.line("%s.pub", args[0])
			return nil
		},
	})
	return c
}

func (a *app) lockSignCommand() *cobra.Command {
	var key string
	c := &cobra.Command{
		Use:     "sign --key FILE",
		Short:   "Sign the lock file with a private key",
		Long:    "Sign the lock file with an ed25519 key in PEM, and write the signature beside it. Formats: human, json.",
		Example: "  zoo lock sign --key release.key",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			format, err := a.formatOf(formatJSON)
			if err != nil {
				return err
			}
			if key == "" {
				return usage("--key: expected a private key: zoo lock key FILE makes one")
			}
			if err := inputFile(key); err != nil {
				return err
			}
			a.ownLock = lock.FileName
			z, err := a.open()
			if err != nil {
				return err
			}
			if err := z.SignLock(key); err != nil {
				return err
			}
			signature := lock.SignaturePath(z.Config().Lock)
			if format == formatJSON {
				return a.printPath(signature)
			}
			a.line("%s", signature)
			return nil
		},
	}
	c.Flags().StringVar(&key, "key", "", "private key")
	return c
}

func (a *app) lockVerifyCommand() *cobra.Command {
	var key string
	c := &cobra.Command{
		Use:   "verify --key FILE",
		Short: "Check the signature of the lock file against a public key",
		Long: `Check the signature of the lock file against an ed25519 key in PEM. The exit status is 6 when
it does not hold, or no lock file is there. With --lock-key, every command that uses a model
does this first. An older lock file with the signature that it had then passes, too. Formats:
human, json.`,
		Example: "  zoo lock verify --key release.key.pub",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			format, err := a.formatOf(formatJSON)
			if err != nil {
				return err
			}
			a.ownLock = lock.FileName
			z, err := a.open()
			if err != nil {
				return err
			}
			if key == "" {
				key = z.Config().LockKey
			}
			if key == "" {
				return usage("--key: expected a public key")
			}
			if err := inputFile(key); err != nil {
				return err
			}
			names, err := z.VerifyLock(key)
			if err != nil {
				return err
			}
			if format == formatJSON {
				return a.printJSON(struct {
					Lock  string   `json:"lock"`
					Key   string   `json:"key"`
					Names []string `json:"names"`
				}{z.Config().Lock, key, append([]string{}, names...)})
			}
			a.judge(pass, "%s: %d names, signed by the holder of %s", z.Config().Lock, len(names), key)
			return nil
		},
	}
	c.Flags().StringVar(&key, "key", "", "public key (default --lock-key)")
	return c
}
