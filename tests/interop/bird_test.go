// SPDX-License-Identifier: BSD-3-Clause

package interop_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"skua/tests/lab"
)

// bird is BIRD on a router.
type bird struct {
	r    *lab.Router
	sock string
}

// startBIRD starts Debian's bird with a configuration.
func startBIRD(t *testing.T, r *lab.Router, conf string) *bird {
	t.Helper()
	if _, err := exec.LookPath("bird"); err != nil {
		t.Skip("it needs Debian's package bird2")
	}
	file := filepath.Join(r.Dir, "bird.conf")
	if err := os.WriteFile(file, []byte("log stderr { info, remote, warning, error, auth, fatal, bug };\n"+conf), 0o644); err != nil {
		t.Fatal(err)
	}
	b := &bird{r, filepath.Join(r.Dir, "bird.ctl")}
	d := r.Daemon("bird", r.Command("bird", "-f", "-c", file, "-s", b.sock, "-P", filepath.Join(r.Dir, "bird.pid")))
	lab.Eventually(t, 20*time.Second, func() string {
		select {
		case <-d.Done:
			t.Fatalf("bird has ended:\n%s", d.Logged())
		default:
		}
		if _, err := os.Stat(b.sock); err != nil {
			return err.Error()
		}
		return ""
	})
	return b
}

// birdc gives what a command prints.
func (b *bird) birdc(command string) string {
	out, err := exec.Command("birdc", "-s", b.sock, command).CombinedOutput()
	if err != nil {
		return err.Error() + ": " + string(out)
	}
	return string(out)
}

const birdKernel = `
protocol device { scan time 1; }
protocol kernel { ipv4 { export where source !~ [ RTS_DEVICE ]; }; merge paths on; }
protocol kernel { ipv6 { export where source !~ [ RTS_DEVICE ]; }; merge paths on; }
`

// TestBIRD: OSPF towards one neighbour, BGP towards the other, and each told the other's routes.
func TestBIRD(t *testing.T) {
	t.Parallel()
	onBoth(t, 2, func(t *testing.T, l *routers) {
		l.R1.StartFRR(map[string]string{"zebra": "", "bgpd": bgpd(1, "", "192.0.2.1", "2001:db8:1::1")})
		l.R3.StartFRR(map[string]string{"zebra": "", "ospfd": ospfd("10.0.0.3", "eth0", "eth1"), "ospf6d": ospf6d("10.0.0.3", "eth0", "eth1")})
		const timers = "hello 1; dead 4; wait 4; type ptp;"
		b := startBIRD(t, l.DUT, "router id 10.0.0.2;\n"+birdKernel+`
protocol direct { ipv4; ipv6; }
protocol ospf v2 { ecmp yes; ipv4 { import all; export where source = RTS_BGP; };
  area 0 { interface "right*" { `+timers+` }; }; }
protocol ospf v3 { ecmp yes; ipv6 { import all; export where source = RTS_BGP; };
  area 0 { interface "right*" { `+timers+` }; }; }
protocol bgp { local as 65002; neighbor 192.0.2.2 as 65001; connect retry time 1; connect delay time 1; error wait time 1, 2;
  ipv4 { import all; export all; next hop self; }; }
protocol bgp { local as 65002; neighbor 2001:db8:1::2 as 65001; connect retry time 1; connect delay time 1; error wait time 1, 2;
  ipv6 { import all; export all; next hop self; }; }
`)
		lab.Eventually(t, 60*time.Second, func() string {
			return lab.Missing(l.DUT.Must("ip", "route")+l.DUT.Must("ip", "-6", "route")+b.birdc("show protocols"),
				"10.0.0.1 via 192.0.2.2 dev left0 proto bird metric 32",
				"10.0.0.3 proto bird metric 32 \n\tnexthop via 198.51.100.2 dev right0 weight 1 \n\tnexthop via 198.51.101.2 dev right1 weight 1",
				"2001:db8::1 via 2001:db8:1::2 dev left0 proto bird metric 32 pref medium",
				"2001:db8::3 proto bird metric 32 pref medium\n\tnexthop via fe80::")
		})
		l.reachable(30 * time.Second)
		l.R3.Must("ip", "link", "set", "eth1", "down")
		lab.Eventually(t, 20*time.Second, func() string {
			return lab.Missing(l.DUT.Must("ip", "route"), "10.0.0.3 via 198.51.100.2 dev right0 proto bird metric 32")
		})
		l.reachable(5 * time.Second)
	})
}
