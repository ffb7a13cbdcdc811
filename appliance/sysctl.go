// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"skua/nlserver/procfs"
)

// Sysctl is a file below /proc/sys as the control socket tells of it.
type Sysctl struct {
	Path  string `json:"path"` // below /proc/sys: "net/ipv4/ip_forward"
	Mode  uint32 `json:"mode"` // permission bits
	Value string `json:"value"`
	Errno int    `json:"errno,omitempty"` // of reading it
}

// sysctls reads all of them.
func (inst *instance) sysctls() []Sysctl {
	var all []Sysctl
	inst.walkSysctl("net", &all)
	return all
}

func (inst *instance) walkSysctl(at string, all *[]Sysctl) {
	n := inst.files.Find("proc/sys/" + at)
	switch {
	case n == nil:
	case n.List != nil:
		for _, e := range n.List() {
			inst.walkSysctl(at+"/"+e.Name, all)
		}
	default:
		s := Sysctl{Path: at, Mode: n.Mode & 0o777}
		if s.Mode&0o444 != 0 {
			value, err := n.Read(procfs.Caller{})
			s.Value, s.Errno = strings.TrimSuffix(string(value), "\n"), int(errnoOf(err))
		}
		*all = append(*all, s)
	}
}

// setSysctl writes one, as a write to its file does.
func (inst *instance) setSysctl(at, value string) syscall.Errno {
	n := inst.files.Find("proc/sys/" + at)
	switch {
	case n == nil:
		return unix.ENOENT
	case n.Write == nil || n.Mode&0o222 == 0:
		return unix.EACCES
	}
	return errnoOf(n.Write(procfs.Caller{Admin: true}, []byte(value+"\n")))
}

func errnoOf(err error) syscall.Errno {
	var no syscall.Errno
	if err != nil && !errors.As(err, &no) {
		return unix.EIO
	}
	return no
}

type sysctlFlags struct {
	write, all, values, names, ignore, quiet bool
	load                                     string
}

func sysctlCommand(socket func() string) *cobra.Command {
	var f sysctlFlags
	cmd := &cobra.Command{
		Use:   "sysctl [flags] NAME[=VALUE] ...",
		Short: "Read and write the settings below net of the running Skua, as sysctl does",
		Long: `Reads and writes Skua's settings below net, with the words and the output of sysctl(8). A setting
of sockets is the host kernel's. One that Skua has nothing for shows the kernel's default, and
refuses another value: Operation not supported.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 && !f.all && f.load == "" {
				return errors.New("want a name, -a or -p FILE")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r := sysctlRun{sysctlFlags: f, socket: socket(), out: cmd.OutOrStdout(), errs: cmd.ErrOrStderr()}
			return r.run(args)
		},
	}
	fl := cmd.Flags()
	fl.BoolVarP(&f.write, "write", "w", false, "all arguments are NAME=VALUE")
	fl.BoolVarP(&f.all, "all", "a", false, "show all")
	fl.StringVarP(&f.load, "load", "p", "", "read NAME = VALUE lines from a file; -: from the input")
	fl.BoolVarP(&f.values, "values", "n", false, "print values alone")
	fl.BoolVarP(&f.names, "names", "N", false, "print names alone")
	fl.BoolVarP(&f.ignore, "ignore", "e", false, "say nothing about names that are not known")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "do not print what was written")
	return cmd
}

// sysctlRun is one run of the command.
type sysctlRun struct {
	sysctlFlags
	socket    string
	out, errs io.Writer
	all0      []Sysctl
	failed    bool
}

func (r *sysctlRun) run(args []string) error {
	if err := call(r.socket, "GET", "/sysctl", &r.all0); err != nil {
		return err
	}
	if r.all {
		for i := range r.all0 {
			r.show(&r.all0[i], true)
		}
	}
	if r.load != "" {
		if err := r.loadFile(); err != nil {
			return err
		}
	}
	for _, arg := range args {
		name, value, assign := strings.Cut(arg, "=")
		switch {
		case assign:
			if err := r.set(strings.TrimSpace(name), strings.TrimSpace(value), r.ignore); err != nil {
				return err
			}
		case r.write:
			r.complain("%q must be of the form name=value", arg)
		default:
			r.get(name)
		}
	}
	if r.failed {
		return exitCode(1)
	}
	return nil
}

func (r *sysctlRun) complain(format string, args ...any) {
	fmt.Fprintf(r.errs, "sysctl: "+format+"\n", args...)
	r.failed = true
}

// sysctlPath is the path that a name means: the first of dots and slashes separates, and the other
// stands for it in a name.
func sysctlPath(name string) string {
	i := strings.IndexAny(name, "./")
	if i < 0 || name[i] == '/' {
		return strings.TrimPrefix(name, "/proc/sys/")
	}
	return strings.NewReplacer(".", "/", "/", ".").Replace(name)
}

// sysctlName is the name of a path.
func sysctlName(path string) string { return strings.NewReplacer(".", "/", "/", ".").Replace(path) }

func (r *sysctlRun) show(s *Sysctl, quiet bool) {
	switch name := sysctlName(s.Path); {
	case s.Errno != 0:
		if !quiet {
			r.complain("reading key %q: %s", name, unixText(s.Errno))
		}
	case s.Mode&0o444 == 0:
	case r.names:
		fmt.Fprintln(r.out, name)
	default:
		for line := range strings.SplitSeq(s.Value, "\n") {
			if r.values {
				fmt.Fprintln(r.out, line)
			} else {
				fmt.Fprintf(r.out, "%s = %s\n", name, line)
			}
		}
	}
}

func unixText(errno int) string {
	text := syscall.Errno(errno).Error()
	return strings.ToUpper(text[:1]) + text[1:]
}

// matching are the settings that a name, a directory or a pattern stands for.
func (r *sysctlRun) matching(name string) (out []*Sysctl) {
	at := strings.TrimSuffix(sysctlPath(name), "/")
	for i := range r.all0 {
		s := &r.all0[i]
		if s.Path == at || strings.HasPrefix(s.Path, at+"/") {
			out = append(out, s)
		} else if ok, err := path.Match(at, s.Path); ok && err == nil {
			out = append(out, s)
		}
	}
	return out
}

func (r *sysctlRun) get(name string) {
	found := r.matching(name)
	if len(found) == 0 && !r.ignore {
		r.complain("cannot stat /proc/sys/%s: No such file or directory", sysctlPath(name))
	}
	for _, s := range found {
		r.show(s, false)
	}
}

// set writes all that a name stands for. quiet: an unknown name is no failure.
func (r *sysctlRun) set(name, value string, quiet bool) error {
	found := []*Sysctl{{Path: sysctlPath(name)}}
	if strings.ContainsAny(name, "*?[") {
		found = r.matching(name)
	}
	for _, s := range found {
		var errno int
		q := url.Values{"path": {s.Path}, "value": {value}}
		if err := call(r.socket, "PUT", "/sysctl?"+q.Encode(), &errno); err != nil {
			return err
		}
		switch name := sysctlName(s.Path); {
		case errno == int(unix.ENOENT) && quiet:
		case errno == int(unix.ENOENT):
			r.complain("cannot stat /proc/sys/%s: No such file or directory", s.Path)
		case errno == int(unix.EACCES):
			r.complain("permission denied on key %q", name)
		case errno != 0:
			r.complain("setting key %q: %s", name, unixText(errno))
		case !r.quiet:
			r.show(&Sysctl{Path: s.Path, Mode: 0o644, Value: value}, false)
		}
	}
	return nil
}

// loadFile is -p (sysctl.conf(5)): comments begin with # or ;, a minus before a name says that its
// failure does not count.
func (r *sysctlRun) loadFile() error {
	in := io.Reader(os.Stdin)
	if r.load != "-" {
		f, err := os.Open(r.load)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	lines := bufio.NewScanner(in)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		line, forgive := strings.CutPrefix(line, "-")
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			if !forgive {
				fmt.Fprintf(r.errs, "sysctl: %s(%d): invalid syntax, continuing...\n", r.load, n)
			}
			continue
		}
		failed := r.failed
		if err := r.set(strings.TrimSpace(name), strings.TrimSpace(value), r.ignore || forgive); err != nil {
			return err
		}
		if forgive {
			r.failed = failed
		}
	}
	return lines.Err()
}
