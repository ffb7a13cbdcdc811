// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func reloadCommand(socket func() string) *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "Read the configuration file again and apply what changed",
		Long: `The running instance reads its file again and applies the difference as a whole: after an
error everything is as it was. What was added with ip stays. SIGHUP does the same.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var steps []string
			if err := call(socket(), "POST", "/reload", &steps); err != nil {
				return err
			}
			for _, s := range steps {
				fmt.Fprintln(cmd.OutOrStdout(), s)
			}
			if len(steps) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "nothing changed")
			}
			return nil
		},
	}
}
