// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// world is two pairs of namespaces: one joined by Skua, one by a veth.
type world struct {
	dir          string
	bin          string
	socket       string
	skua, kernel pair

	once sync.Once
	undo []func()
}

// pair is the appliance and its neighbour.
type pair struct {
	here, peer string // namespaces
	v4, v6     string // addresses of the peer
}

const patience = 20 * time.Second

func (w *world) close() {
	w.once.Do(func() {
		for i := len(w.undo) - 1; i >= 0; i-- {
			w.undo[i]()
		}
	})
}

func (w *world) build(bin string, mtu int) error {
	var err error
	if w.bin, err = filepath.Abs(bin); err != nil {
		return err
	}
	if w.dir, err = os.MkdirTemp("", "skua-twins-"); err != nil {
		return err
	}
	w.undo = append(w.undo, func() { os.RemoveAll(w.dir) })
	w.skua = pair{v4: "192.0.2.2", v6: "2001:db8:1::2"}
	w.kernel = pair{v4: "198.51.100.2", v6: "2001:db8:2::2"}
	for i, ns := range []*string{&w.skua.here, &w.skua.peer, &w.kernel.here, &w.kernel.peer} {
		if *ns, err = w.netns(i); err != nil {
			return err
		}
	}
	if err := w.startVeth(mtu); err != nil {
		return err
	}
	if err := w.startSkua(mtu); err != nil {
		return err
	}
	for _, p := range []*pair{&w.skua, &w.kernel} {
		if err := w.server(p); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) netns(i int) (string, error) {
	name := fmt.Sprintf("skua-bt%d-%d", os.Getpid(), i)
	if err := output(exec.Command("ip", "netns", "add", name)); err != nil {
		return "", err
	}
	w.undo = append(w.undo, func() { _ = exec.Command("ip", "netns", "del", name).Run() })
	return name, in(name, "ip", "link", "set", "lo", "up")
}

func (w *world) startVeth(mtu int) error {
	k := &w.kernel
	if err := output(exec.Command("ip", "link", "add", "eth0", "mtu", strconv.Itoa(mtu), "netns", k.here, "type", "veth",
		"peer", "name", "eth0", "mtu", strconv.Itoa(mtu), "netns", k.peer)); err != nil {
		return err
	}
	return errors.Join(
		address(k.here, "198.51.100.1/24", "2001:db8:2::1/64"), address(k.peer, "198.51.100.2/24", "2001:db8:2::2/64"))
}

func address(ns string, addrs ...string) error {
	for _, a := range addrs {
		line := []string{"ip", "addr", "add", a, "dev", "eth0"}
		if strings.Contains(a, ":") {
			line = append(line, "nodad")
		}
		if err := in(ns, line...); err != nil {
			return err
		}
	}
	return in(ns, "ip", "link", "set", "eth0", "up")
}

// startSkua starts Skua with its default settings but for the length of packets.
func (w *world) startSkua(mtu int) error {
	w.socket = filepath.Join(w.dir, "netlink.sock")
	text := fmt.Sprintf("[appliance]\nsocket = %q\ntwins = true\n[dataplane]\nhugepages = \"off\"\nmbuf_size = %d\n"+
		"[[link]]\nname = \"port0\"\ntap = { name = \"eth0\", netns = %q }\nmtu = %d\n"+
		"addresses = [\"192.0.2.1/24\", \"2001:db8:1::1/64\"]\n", w.socket, max(2048, mtu+18), w.skua.peer, mtu)
	file := filepath.Join(w.dir, "skua.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	cmd := exec.Command("ip", "netns", "exec", w.skua.here, filepath.Join(w.bin, "skua"), "run", file)
	if err := w.start(cmd); err != nil {
		return err
	}
	deadline := time.Now().Add(patience)
	for {
		_, err := w.taps()
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("skua does not start: %w", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err := errors.Join(in(w.skua.peer, "ip", "link", "set", "eth0", "mtu", strconv.Itoa(mtu)),
		address(w.skua.peer, "192.0.2.2/24", "2001:db8:1::2/64")); err != nil {
		return err
	}
	for _, a := range []string{w.skua.v4, w.skua.v6} {
		for in(w.skua.here, "ping", "-n", "-c", "1", "-W", "1", a) != nil {
			if time.Now().After(deadline) {
				return fmt.Errorf("%s does not answer through Skua", a)
			}
		}
	}
	return nil
}

// start starts a program that ends with the world.
func (w *world) start(cmd *exec.Cmd) error {
	log, err := os.Create(filepath.Join(w.dir, "log"))
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	w.undo = append(w.undo, func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		log.Close()
	})
	return nil
}

// server starts iperf3 on the peer.
func (w *world) server(p *pair) error {
	if err := w.start(exec.Command("ip", "netns", "exec", p.peer, "iperf3", "-s")); err != nil {
		return err
	}
	deadline := time.Now().Add(patience)
	for {
		_, err := p.stream("-4", false, 1)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// flow is how a stream went.
type flow struct{ gbit, retransmits float64 }

// stream runs one from the appliance, or towards it.
func (p *pair) stream(family string, reverse bool, seconds int) (flow, error) {
	to := p.v4
	if family == "-6" {
		to = p.v6
	}
	// cubic is what Debian's kernel chooses
	args := []string{"netns", "exec", p.here, "iperf3", family, "-J", "-C", "cubic", "-c", to, "-t", strconv.Itoa(seconds)}
	if reverse {
		args = append(args, "-R")
	}
	text, err := exec.Command("ip", args...).Output()
	var said struct {
		Error string
		End   struct {
			Sent struct {
				Retransmits float64
			} `json:"sum_sent"`
			Received struct {
				Bits float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		}
	}
	if jerr := json.Unmarshal(text, &said); jerr == nil && said.Error != "" {
		return flow{}, errors.New("iperf3: " + said.Error)
	}
	if err != nil {
		return flow{}, fmt.Errorf("iperf3: %w", err)
	}
	return flow{said.End.Received.Bits / 1e9, said.End.Sent.Retransmits}, nil
}

func in(ns string, args ...string) error {
	return output(exec.Command("ip", append([]string{"netns", "exec", ns}, args...)...))
}

func output(cmd *exec.Cmd) error {
	text, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, text)
	}
	return nil
}

// taps are the counters of the twins and of the port, and the packets that were dropped.
type taps struct {
	twin, port tap
	dropped    float64
}

type tap struct {
	RxFrames  float64 `json:"rx_frames"`
	RxPackets float64 `json:"rx_packets"`
	TxFrames  float64 `json:"tx_frames"`
	TxPackets float64 `json:"tx_packets"`
	RxDropped float64 `json:"rx_dropped"`
	TxDropped float64 `json:"tx_dropped"`
}

func (w *world) taps() (t taps, err error) {
	text, err := exec.Command(filepath.Join(w.bin, "skua"), "--socket", w.socket, "stats", "--json").Output()
	if err != nil {
		return t, fmt.Errorf("skua stats: %w", err)
	}
	var stats struct {
		Taps []struct {
			Twin bool
			tap
		}
		Drops []struct{ Value float64 }
	}
	if err := json.Unmarshal(text, &stats); err != nil {
		return t, err
	}
	for _, x := range stats.Taps {
		sum := &t.port
		if x.Twin {
			sum = &t.twin
		}
		sum.RxFrames += x.RxFrames
		sum.RxPackets += x.RxPackets
		sum.TxFrames += x.TxFrames
		sum.TxPackets += x.TxPackets
		t.dropped += x.RxDropped + x.TxDropped
	}
	for _, d := range stats.Drops {
		t.dropped += d.Value
	}
	return t, nil
}

// since is how many packets a frame of the data had where it came in, and where it left.
func (t taps) since(before taps, reverse bool) (in, out float64) {
	from, fromBefore, to, toBefore := t.twin, before.twin, t.port, before.port
	if reverse {
		from, fromBefore, to, toBefore = to, toBefore, from, fromBefore
	}
	return (from.RxPackets - fromBefore.RxPackets) / max(1, from.RxFrames-fromBefore.RxFrames),
		(to.TxPackets - toBefore.TxPackets) / max(1, to.TxFrames-toBefore.TxFrames)
}
