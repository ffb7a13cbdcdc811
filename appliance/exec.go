// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"debug/elf"
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

const shimName = "skua-shim.so"

func execCommand(socket func() string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exec [flags] -- COMMAND [ARG ...]",
		Short: "Run a program whose netlink goes to Skua in place of the kernel",
		Long: `Replaces this process by COMMAND with a small library preloaded that carries its netlink
sockets to Skua. The program, its arguments, its terminal and its exit status are its own.

  skua exec -- ip route add 203.0.113.0/24 via 192.0.2.254
  skua exec -- bash          # a shell in which ip speaks to Skua`,
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
	if err := preloadable(path); err != nil {
		return err
	}
	shim, err := findShim()
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
	env := append(without(os.Environ(), "LD_PRELOAD", "SKUA_SOCKET"),
		"LD_PRELOAD="+preload, "SKUA_SOCKET="+socket)
	return exitError{126, fmt.Errorf("%s: %w", path, syscall.Exec(path, args, env))}
}

// findShim looks beside the program, then where a package would put it.
func findShim() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	dirs := []string{filepath.Dir(self), filepath.Join(filepath.Dir(self), "../lib/skua"), "/usr/lib/skua"}
	for _, dir := range dirs {
		path := filepath.Join(dir, shimName)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is in none of %s: run make build", shimName, strings.Join(dirs, ", "))
}

// preloadable refuses what the dynamic linker would not load a library into: better no answer than
// the kernel's answer in place of Skua's.
func preloadable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode()&(os.ModeSetuid|os.ModeSetgid) != 0 && os.Geteuid() != 0 {
		return fmt.Errorf("%s is set-uid or set-gid: nothing can be preloaded into it; run skua exec as root", path)
	}
	f, err := elf.Open(path)
	if err != nil {
		return nil // a script: its interpreter decides
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return nil
		}
	}
	return fmt.Errorf("%s is linked statically: nothing can be preloaded into it", path)
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
