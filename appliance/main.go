// SPDX-License-Identifier: BSD-3-Clause

// Command skua is the appliance: it wires the data plane, the control plane and the netlink server
// together, configures them from a TOML file, and is the operator's way to look inside.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

const defaultSocket = "/run/skua/netlink.sock"

// exitCode is an error that only carries what the process exits with; its text was printed.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit status %d", int(c)) }

// exitError is an error with an exit status other than 1.
type exitError struct {
	code int
	error
}

func main() {
	err := rootCommand().Execute()
	var code exitCode
	var coded exitError
	switch {
	case err == nil:
	case errors.As(err, &code):
		os.Exit(int(code))
	case errors.As(err, &coded):
		fmt.Fprintln(os.Stderr, "skua:", err)
		os.Exit(coded.code)
	default:
		fmt.Fprintln(os.Stderr, "skua:", err)
		os.Exit(1)
	}
}

func rootCommand() *cobra.Command {
	var socket string
	root := &cobra.Command{
		Use:   "skua",
		Short: "The Linux network stack on DPDK",
		Long: `Skua forwards packets in user space on poll-mode cores and is configured by the tools
of the kernel: start it with "skua run FILE", then "skua exec -- ip route add ..." as ever.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVarP(&socket, "socket", "s", "",
		"netlink socket of the instance (default $SKUA_SOCKET or "+defaultSocket+")")
	find := func() string { return findSocket(socket) }
	root.AddCommand(runCommand(), checkCommand(find), reloadCommand(find), execCommand(find),
		statsCommand(find), sysctlCommand(find), serviceCommand(find), versionCommand())
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return misused(cmd, err) })
	for _, cmd := range root.Commands() {
		args := cmd.Args
		cmd.Args = func(cmd *cobra.Command, given []string) error {
			if err := args(cmd, given); err != nil {
				return misused(cmd, err)
			}
			return nil
		}
	}
	return root
}

// misused adds where to read on.
func misused(cmd *cobra.Command, err error) error {
	return fmt.Errorf("%w\nusage: %s\nsee %s --help", err, cmd.UseLine(), cmd.CommandPath())
}

// oneFile wants a configuration file.
func oneFile(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want one configuration file, have %d", len(args))
	}
	return nil
}

// findSocket is the netlink socket that a command means: its flag, the environment, the default.
func findSocket(flag string) string {
	if flag != "" {
		return flag
	}
	if env := os.Getenv("SKUA_SOCKET"); env != "" {
		return env
	}
	return defaultSocket
}

// controlSocket is the socket for reload and stats; it stands beside the netlink socket.
func controlSocket(netlinkSocket string) string {
	return filepath.Join(filepath.Dir(netlinkSocket), "control.sock")
}
