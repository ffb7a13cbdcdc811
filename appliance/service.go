// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"skua/conf"
)

// serviceDropIn is what systemd adds to the unit of a service that runs on Skua.
//
//go:embed systemd/50-skua.conf
var serviceDropIn string

const (
	dropInName  = "50-skua.conf"
	defaultConf = "/etc/skua/skua.toml"
)

// serviceUsers are those whom Debian's daemons become: they may change things when
// appliance.allow_users names them.
var serviceUsers = map[string]string{"frr.service": "frr", "bird.service": "bird"}

// unitDirs are where systemd looks for units, in its order.
var unitDirs = []string{"etc", "run", "usr/local/lib", "usr/lib", "lib"}

// execStart finds the commands of a unit: prefix, program, arguments with the lines that continue them.
var execStart = regexp.MustCompile(`(?m)^ExecStart=[ \t]*([-@:+!|]*)(\S+)((?:.*\\\n)*.*)$`)

var unitName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9:_.@-]*$`)

func serviceCommand(socket func() string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "service",
		Short: "Run services of systemd on Skua: frr, bird, keepalived, radvd, ...",
		Long: `Debian's own services run on Skua when their programs are started as "skua exec" would:
enable adds a drop-in to the unit, disable takes it away. Nothing in the service's package or in
its configuration changes, and it takes effect when the service starts next.

  skua service enable frr && systemctl restart frr`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var s services
	cmd.PersistentFlags().StringVar(&s.root, "root", "/", "the system to change, for building images")
	some := func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return errors.New("want the name of a service")
		}
		return nil
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "enable SERVICE ...", Short: "run services on Skua from their next start", Args: some,
			RunE: func(cmd *cobra.Command, args []string) error {
				s.socket, s.out = socket(), cmd.OutOrStdout()
				var err error
				if s.shim, err = findBeside(shimName); err != nil {
					return err
				}
				return s.each(args, s.enable)
			},
		},
		&cobra.Command{
			Use: "disable SERVICE ...", Short: "give services back to the kernel", Args: some,
			RunE: func(cmd *cobra.Command, args []string) error {
				s.out = cmd.OutOrStdout()
				return s.each(args, s.disable)
			},
		},
		&cobra.Command{
			Use: "list", Short: "which services run on Skua", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				s.out = cmd.OutOrStdout()
				return s.list()
			},
		},
	)
	return cmd
}

// services is systemd's configuration below a folder.
type services struct {
	root   string
	socket string
	shim   string
	out    io.Writer
}

func (s *services) dropIn(unit string) string {
	return filepath.Join(s.root, "etc/systemd/system", unit+".d", dropInName)
}

// each does something with every unit, when all of them are there, and lets systemd know.
func (s *services) each(names []string, do func(unit string) error) error {
	var units []string
	for _, name := range names {
		unit := strings.TrimSuffix(name, ".service") + ".service"
		if !unitName.MatchString(name) || !s.known(unit) {
			return fmt.Errorf("there is no service %s: is its package installed?", name)
		}
		units = append(units, unit)
	}
	for _, unit := range units {
		if err := do(unit); err != nil {
			return err
		}
	}
	if s.root != "/" {
		return nil
	}
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return nil // systemd does not run: it will read the files when it does
	}
	if out, err := exec.Command("systemctl", "daemon-reload").CombinedOutput(); err != nil {
		return fmt.Errorf("systemctl daemon-reload: %w: %s", err, out)
	}
	return nil
}

func (s *services) known(unit string) bool {
	return slices.ContainsFunc(unitDirs, func(dir string) bool {
		_, err := os.Stat(filepath.Join(s.root, dir, "systemd/system", unit))
		return err == nil
	})
}

func (s *services) enable(unit string) error {
	shim, err := filepath.Abs(s.shim)
	if err != nil {
		return err
	}
	socket, err := filepath.Abs(s.socket)
	if err != nil {
		return err
	}
	supervised, err := s.supervised(unit)
	if err != nil {
		return err
	}
	path := s.dropIn(unit)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	text := strings.NewReplacer("@SHIM@", shim, "@SUPERVISE@", filepath.Join(filepath.Dir(shim), superviseName),
		"@SOCKET@", socket).Replace(serviceDropIn) + supervised
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s runs on Skua from its next start: systemctl restart %s\n", unit, unit)
	s.warn(unit)
	return nil
}

// supervised is what the drop-in says of a service whose program nothing can be preloaded into: its
// commands, each of them run by `skua exec`. "": it needs none.
func (s *services) supervised(unit string) (string, error) {
	var text []byte
	var err error
	for _, dir := range unitDirs {
		if text, err = os.ReadFile(filepath.Join(s.root, dir, "systemd/system", unit)); err == nil {
			break
		}
	}
	if err != nil {
		return "", err
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	out, needed := "ExecStart=\n", false
	for _, m := range execStart.FindAllStringSubmatch(string(text), -1) {
		prefix, program, args := m[1], m[2], m[3]
		if ownCalls(filepath.Join(s.root, program)) {
			if strings.Contains(prefix, "@") {
				return "", fmt.Errorf("%s gives %s another name (ExecStart=@): write its drop-in by hand, with skua exec", unit, program)
			}
			needed = true
			program = self + " exec -- " + program
		}
		out += "ExecStart=" + prefix + program + args + "\n"
	}
	if !needed {
		return "", nil
	}
	return out, nil
}

// warn says when the daemon's user would not be allowed to change anything.
func (s *services) warn(unit string) {
	name := serviceUsers[unit]
	if name == "" {
		return
	}
	c, err := conf.Load(filepath.Join(s.root, defaultConf))
	if err != nil || slices.Contains(c.Appliance.AllowUsers, name) {
		return
	}
	fmt.Fprintf(s.out, "it runs as the user %s: %s has to say allow_users = [%q] in [appliance]\n", name, defaultConf, name)
}

func (s *services) disable(unit string) error {
	err := os.Remove(s.dropIn(unit))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s does not run on Skua", unit)
	}
	if err != nil {
		return err
	}
	_ = os.Remove(filepath.Dir(s.dropIn(unit))) // unless others have drop-ins there
	fmt.Fprintf(s.out, "%s runs on the kernel from its next start: systemctl restart %s\n", unit, unit)
	return nil
}

func (s *services) list() error {
	paths, err := filepath.Glob(s.dropIn("*"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		fmt.Fprintln(s.out, strings.TrimSuffix(filepath.Base(filepath.Dir(path)), ".d"))
	}
	return nil
}
