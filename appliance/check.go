// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"skua/conf"
)

func checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Say what is wrong with a configuration file",
		Long: `Reads a configuration file as "skua run" does and changes nothing. Every problem is printed
as file:line: field: what is wrong; the exit status is then 1.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := conf.Load(args[0])
			var problems conf.Error
			if asError(err, &problems) {
				fmt.Fprintln(cmd.ErrOrStderr(), problems)
				return exitCode(1)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: good: %s, %s, %s\n", args[0],
				count(len(c.Links), "link"), count(len(c.Routes), "route"), count(len(c.Neighs), "neighbour"))
			return nil
		},
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
