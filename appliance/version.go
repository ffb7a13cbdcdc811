// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"skua/dataplane"
)

// version is set by the Makefile.
var version = "unknown"

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of Skua, DPDK and Go",
		Args:  cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintf(cmd.OutOrStdout(), "skua %s (%s, %s %s/%s)\n", version, dataplane.Version(),
				runtime.Version(), runtime.GOOS, runtime.GOARCH)
		},
	}
}

// asError is errors.As that takes nil.
func asError[T error](err error, target *T) bool { return err != nil && errors.As(err, target) }
