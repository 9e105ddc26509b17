package hub_test

import (
	"fmt"

	"github.com/gozoo/zoo/registry/hub"
)

// The settings are those of the hub's own client.
func ExampleFromEnv() {
	env := map[string]string{"HOME": "/home/ada", "HF_ENDPOINT": "https://hub.example.org", "HF_TOKEN": "secret"}
	h := hub.FromEnv(func(name string) string { return env[name] })
	fmt.Println(h.Endpoint, h.Token != "", h.Cache)
	// Output:
	// https://hub.example.org true /home/ada/.cache/huggingface/hub
}
