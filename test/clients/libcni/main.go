// Drives a conflist through libcni, as a runtime written in Go does.
// Usage: driver add|check|del CACHE_DIR CONFLIST BIN_PATH CONTAINER_ID NETNS IFNAME
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/containernetworking/cni/libcni"
)

func drive(verb string, args []string) error {
	list, err := libcni.ConfListFromFile(args[1])
	if err != nil {
		return err
	}
	config := libcni.NewCNIConfigWithCacheDir(strings.Split(args[2], ":"), args[0], nil)
	attachment := &libcni.RuntimeConf{
		ContainerID: args[3],
		NetNS:       args[4],
		IfName:      args[5],
		Args:        [][2]string{{"IgnoreUnknown", "1"}, {"K8S_POD_NAMESPACE", "libcni"}, {"K8S_POD_NAME", args[3]}},
	}
	ctx := context.Background()
	switch verb {
	case "add":
		result, err := config.AddNetworkList(ctx, list, attachment)
		if err != nil {
			return err
		}
		return result.PrintTo(os.Stdout)
	case "check":
		return config.CheckNetworkList(ctx, list, attachment)
	case "del":
		return config.DelNetworkList(ctx, list, attachment)
	}
	return fmt.Errorf("verb %q: use add, check or del", verb)
}

func main() {
	if len(os.Args) != 8 {
		fmt.Fprintln(os.Stderr, "usage: driver VERB CACHE_DIR CONFLIST BIN_PATH CONTAINER_ID NETNS IFNAME")
		os.Exit(2)
	}
	if err := drive(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
