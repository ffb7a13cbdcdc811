// SPDX-License-Identifier: BSD-3-Clause

package script

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"skua/tests/harness"
)

// kernelTries is how often the kernel may be asked until it does what a script says.
const kernelTries = 3

// kernel is the Linux kernel as the router.
type kernel struct{ r *harness.KernelRouter }

func newKernel(t *testing.T, s *Script) *kernel {
	k := &kernel{r: harness.Kernel(t, s.topologyOf())}
	if out, err := k.IP("link", "set", "lo", "up"); err != nil {
		t.Fatalf("lo: %v: %s", err, out)
	}
	return k
}

// topologyOf is what the harness makes of a script's links.
func (s *Script) topologyOf() harness.Topology {
	var topo harness.Topology
	for _, l := range s.Links {
		topo.Ports = append(topo.Ports, harness.Port{Name: l.Name, MAC: l.MAC, MTU: l.MTU})
	}
	return topo
}

// AddLink has nothing to do: the harness made the TAP devices.
func (k *kernel) AddLink(string, [6]byte, int) error { return nil }

func (k *kernel) IP(args ...string) (string, error) {
	out, code := k.r.Exec(append([]string{"ip"}, args...)...)
	if code != 0 {
		return out, fmt.Errorf("exit %d", code)
	}
	return out, nil
}

func (k *kernel) Sysctl(name, value string) error {
	out, code := k.r.Exec("sysctl", "-qw", name+"="+value)
	if code != 0 {
		return fmt.Errorf("exit %d: %s", code, out)
	}
	return nil
}

func (k *kernel) SetCarrier(link string, up bool) error {
	k.r.SetCarrier(link, up)
	return nil
}

func (k *kernel) Send(link string, frame []byte) error {
	k.r.Send(link, frame)
	return nil
}

func (k *kernel) Recv(link string, wait time.Duration) []byte { return k.r.Recv(link, wait) }

func (k *kernel) Advance(d time.Duration) { time.Sleep(d) }

// hasKind says whether the kernel can make links of a kind.
func hasKind(k *kernel, lower, kind string) bool {
	args := []string{"link", "add", "link", lower, "name", "needs0", "type", kind}
	if kind == "vlan" {
		args = append(args, "id", "4000")
	}
	out, err := k.IP(args...)
	return err == nil || !strings.Contains(out, "Unknown device type")
}

// The scripts say what the kernel does. Its clock is the machine's, and it and we share the CPUs with
// others: what was late once is asked again, of a new namespace.
func TestKernel(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: a network namespace and TAP devices")
	}
	for _, s := range scripts(t) {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			for _, kind := range s.Needs {
				if !hasKind(newKernel(t, s), s.Links[0].Name, kind) {
					t.Skipf("this kernel cannot make links of type %s", kind)
				}
			}
			for range kernelTries - 1 {
				err := try(t, s, newKernel(t, s), "kernel")
				if err == nil {
					return
				}
				t.Logf("asked again: %v", err)
			}
			run(t, s, newKernel(t, s), "kernel")
		})
	}
}
