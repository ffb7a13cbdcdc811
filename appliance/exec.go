// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// What `skua exec` needs beside itself: the library that is preloaded, and the program that
// supervises those that nothing can be preloaded into.
const (
	shimName      = "skua-shim.so"
	superviseName = "skua-supervise"
)

func execCommand(socket func() string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exec [flags] -- COMMAND [ARG ...]",
		Short: "Run a program whose netlink goes to Skua in place of the kernel",
		Long: `Replaces this process by COMMAND with a small library preloaded that carries its netlink
sockets to Skua. The program, its arguments, its terminal and its exit status are its own.

  skua exec -- ip route add 203.0.113.0/24 via 192.0.2.254
  skua exec -- bash          # a shell in which ip speaks to Skua

A program that is linked statically, or written in Go, makes its system calls by itself: a process
beside it then does for it those that have to do with the network (seccomp user notification, Linux
5.19 or later). Nothing needs to be said for that.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("want a program to run")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return execUnder(socket(), args) },
	}
	cmd.Flags().SetInterspersed(false) // what follows the program is the program's
	return cmd
}

func execUnder(socket string, args []string) error {
	path, err := exec.LookPath(args[0])
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist):
		return exitError{127, fmt.Errorf("there is no program %s", args[0])} // as the shell says it
	case err != nil:
		return exitError{126, err}
	}
	if err := privileged(path); err != nil {
		return err
	}
	shim, err := findBeside(shimName)
	if err != nil {
		return err
	}
	conn, err := net.Dial("unixpacket", socket)
	if err != nil {
		return explainDial(socket, err)
	}
	conn.Close()
	preload := shim
	if before := os.Getenv("LD_PRELOAD"); before != "" && !strings.Contains(before, shimName) {
		preload += ":" + before
	}
	env := append(without(os.Environ(), "LD_PRELOAD", "SKUA_SOCKET", "SKUA_SUPERVISE"), "SKUA_SOCKET="+socket)
	supervise, serr := findBeside(superviseName)
	if serr == nil {
		env = append(env, "SKUA_SUPERVISE="+supervise)
	}
	if !ownCalls(path) {
		env = append(env, "LD_PRELOAD="+preload)
		return exitError{126, fmt.Errorf("%s: %w", path, syscall.Exec(path, args, env))}
	}
	if serr != nil {
		return fmt.Errorf("%s makes its system calls by itself: %w", path, serr)
	}
	env = append(env, "SKUA_PRELOAD="+preload)
	args = append([]string{superviseName, path}, args...)
	return exitError{126, fmt.Errorf("%s: %w", supervise, syscall.Exec(supervise, args, env))}
}

// findBeside looks beside the program, then where a package would put it.
func findBeside(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	dirs := []string{filepath.Dir(self), filepath.Join(filepath.Dir(self), "../lib/skua"), "/usr/lib/skua"}
	for _, dir := range dirs {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is in none of %s: run make build", name, strings.Join(dirs, ", "))
}

// privileged refuses what gains privilege when it starts (AT_SECURE): the loader ignores what is to
// be preloaded, and nobody may look into it. Better no answer than the kernel's in place of Skua's.
func privileged(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode()&(os.ModeSetuid|os.ModeSetgid) != 0 && os.Geteuid() != 0 {
		return fmt.Errorf("%s is set-uid or set-gid: nothing can be preloaded into it; run skua exec as root", path)
	}
	return nil
}

// explainDial says what to do about a socket that does not answer.
func explainDial(socket string, err error) error {
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("no Skua listens at %s: start one with \"skua run FILE\", or name its socket with --socket or SKUA_SOCKET", socket)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%s: permission denied: join the socket's group (appliance.socket_group), or be root", socket)
	}
	return err
}

func without(env []string, names ...string) []string {
	var out []string
next:
	for _, e := range env {
		for _, n := range names {
			if strings.HasPrefix(e, n+"=") {
				continue next
			}
		}
		out = append(out, e)
	}
	return out
}
