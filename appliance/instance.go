// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"skua/conf"
	"skua/controlplane"
	"skua/controlplane/rtnl"
	"skua/dataplane"
	"skua/dataplane/dpif"
	"skua/nlserver"
	"skua/nlserver/procfs"
)

// hostNet is the id of the instance of the stack that has the ports.
const hostNet = 0

// carrierPoll is how often the ports' carriers are looked at.
const carrierPoll = 250 * time.Millisecond

// instance is a running Skua: data plane, control plane and netlink server, and the configuration
// that they were last given.
type instance struct {
	file   string
	dp     *dataplane.Dataplane
	stacks *controlplane.Stacks
	stack  *controlplane.Stack // the host's
	nets   *nets
	server *nlserver.Server
	files  *procfs.Tree // the host's
	log    *slog.Logger

	cancel context.CancelFunc
	wait   sync.WaitGroup
	failed chan error

	reloading sync.Mutex // guards conf and orders reloads
	conf      *conf.Config
	applier   *applier
}

// start builds everything from the bottom up, and tears down what is there when a step fails.
// Netlink is served only when the configuration is in place: who can connect sees all of it.
func start(ctx context.Context, file string, c *conf.Config, log *slog.Logger) (_ *instance, err error) {
	inst := &instance{file: file, log: log, conf: c, failed: make(chan error, 4)}
	ctx, inst.cancel = context.WithCancel(ctx)
	defer func() {
		if err != nil {
			err = errors.Join(err, inst.close())
		}
	}()

	if err = claim(c.Appliance.Socket); err != nil {
		return inst, fmt.Errorf("appliance.socket: %w", err)
	}
	inst.dp, err = dataplane.Open(dataplaneConfig(c))
	if err != nil {
		return inst, err
	}
	inst.stacks, err = controlplane.NewStacks(controlplane.Options{
		Net: hostNet, DP: inst.dp, Clock: rtnl.SystemClock{}, Log: log,
	})
	if err != nil {
		return inst, err
	}
	inst.stack = inst.stacks.Host()
	inst.nets = newNets(inst)
	inst.files = inst.nets.servedIn(inst.stack).tree
	if c.Appliance.Twins {
		if inst.nets.twins, err = startTwins(ctx, inst); err != nil {
			return inst, err
		}
	}
	inst.applier = newApplier(inst.dp, inst.stack, dataplaneConfig(c).Idle)
	inst.run(ctx, "punt loop", inst.stacks.Run)
	inst.run(ctx, "carrier", inst.pollCarriers)

	plan, err := conf.Plan(nil, c)
	if err != nil {
		return inst, err
	}
	if err := inst.applier.up(); err != nil {
		return inst, err
	}
	if err := conf.Apply(inst.applier, plan); err != nil {
		return inst, c.Locate(err)
	}
	if err := inst.serve(ctx); err != nil {
		return inst, err
	}
	return inst, nil
}

// run keeps a part going until ctx is done; a part that ends before has failed.
func (inst *instance) run(ctx context.Context, what string, f func(context.Context) error) {
	inst.wait.Add(1)
	go func() {
		defer inst.wait.Done()
		if err := f(ctx); err != nil && ctx.Err() == nil {
			inst.failed <- fmt.Errorf("%s: %w", what, err)
		}
	}()
}

// serve opens the netlink socket and the control socket.
func (inst *instance) serve(ctx context.Context) error {
	a := &inst.conf.Appliance
	cfg := nlserver.Config{Path: a.Socket, Mode: os.FileMode(a.SocketMode), Log: inst.log}
	if a.SocketGroup != "" {
		gid, err := groupID(a.SocketGroup)
		if err != nil {
			return err
		}
		cfg.Group = &gid
	}
	for _, name := range a.AllowUsers {
		u, err := user.Lookup(name)
		if err != nil {
			return fmt.Errorf("appliance.allow_users: %w", err)
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return fmt.Errorf("appliance.allow_users: %s: %w", name, err)
		}
		cfg.AdminUIDs = append(cfg.AdminUIDs, uint32(uid))
	}
	cfg.Net = inst.nets.of
	server, err := nlserver.New(cfg)
	if err != nil {
		return fmt.Errorf("appliance.socket: %w", err)
	}
	inst.server, inst.nets.server = server, server
	inst.serveFiles(ctx, a.Socket)
	if err := inst.serveControl(ctx, controlSocket(a.Socket), cfg.Mode, cfg.Group); err != nil {
		return fmt.Errorf("appliance.socket: the control socket beside it: %w", err)
	}
	inst.run(ctx, "netlink server", server.Serve)
	if inst.nets.watch != nil {
		inst.run(ctx, "network namespaces", func(context.Context) error { return inst.nets.watch.Run() })
	}
	return nil
}

// claim makes the folder of the socket and finds out early, before any device is touched, whether
// the socket can be had.
func claim(socket string) error {
	dir := filepath.Dir(socket)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("%w: run as root, or choose a folder of your own", err)
	}
	if err := unix.Access(dir, unix.W_OK); err != nil {
		return fmt.Errorf("%s: %w: run as root, or choose a folder of your own", dir, err)
	}
	conn, err := net.Dial("unixpacket", socket)
	if err != nil {
		return nil
	}
	conn.Close()
	return fmt.Errorf("another Skua serves %s: stop it, or give this one a socket of its own", socket)
}

func groupID(name string) (int, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, fmt.Errorf("appliance.socket_group: %w", err)
	}
	return strconv.Atoi(g.Gid)
}

// close stops what start started, from the top down.
func (inst *instance) close() error {
	inst.cancel()
	var errs []error
	if inst.server != nil {
		errs = append(errs, inst.server.Close())
	}
	if inst.nets != nil {
		inst.nets.close()
	}
	inst.wait.Wait()
	if inst.stacks != nil {
		errs = append(errs, inst.stacks.Close())
	}
	if inst.dp != nil {
		errs = append(errs, inst.dp.Close())
	}
	return errors.Join(errs...)
}

// pollCarriers tells the links what their ports' carriers do.
func (inst *instance) pollCarriers(ctx context.Context) error {
	tick := time.NewTicker(carrierPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			inst.stack.Net.Lock()
			for _, l := range inst.stack.Links.All() {
				if l.Port == dpif.PortNone {
					continue
				}
				if state, err := inst.dp.PortLink(l.Port); err == nil && state.Up != l.Carrier {
					inst.stack.Links.SetCarrier(l, state.Up)
				}
			}
			inst.stack.Net.Unlock()
		}
	}
}

// reload reads the file again and applies the difference, all or nothing. It returns the steps.
func (inst *instance) reload() ([]string, error) {
	inst.reloading.Lock()
	defer inst.reloading.Unlock()
	next, err := conf.Load(inst.file)
	if err != nil {
		return nil, err
	}
	plan, err := conf.Plan(inst.conf, next)
	if err != nil {
		return nil, err
	}
	before := inst.applier.snapshot(plan)
	if err := conf.Apply(inst.applier, plan); err != nil {
		if rerr := before.restore(); rerr != nil {
			return nil, fmt.Errorf("%w\nand not all is as it was: %w", next.Locate(err), rerr)
		}
		return nil, next.Locate(err)
	}
	inst.conf = next
	steps := make([]string, len(plan))
	for i, s := range plan {
		steps[i] = s.String()
	}
	return steps, nil
}

// stats reads every counter.
func (inst *instance) stats() (*Stats, error) {
	inst.stack.Net.Lock()
	var links []LinkStats
	var taps []TapStats
	for _, l := range inst.stack.Links.All() {
		s, err := inst.dp.LinkStats(hostNet, l.Index)
		if err != nil {
			inst.stack.Net.Unlock()
			return nil, fmt.Errorf("link %s: %w", l.Name, err)
		}
		links = append(links, LinkStats{Name: l.Name, Up: l.Flags&unix.IFF_UP != 0, LinkStats: s})
		taps = append(taps, tapStats(inst.dp, l)...)
	}
	taps = append(taps, homeTapStats(inst.dp)...)
	neighs, neighDrops := neighStats(inst.stack.Neighs)
	inst.stack.Net.Unlock()
	s, err := gather(inst.dp, hostNet, links, neighs)
	if err == nil {
		s.Taps, s.NeighDrops = taps, neighDrops
		s.MIBs = append(s.MIBs, slices.DeleteFunc(inst.stack.MIB(), func(c dpif.Counter) bool { return c.Value == 0 })...)
	}
	return s, err
}
