// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"skua/conf"
	"skua/controlplane"
	"skua/controlplane/rtnl"
	"skua/dataplane"
	"skua/dataplane/dpif"
)

func checkCommand(socket func() string) *cobra.Command {
	var consistency, asJSON bool
	cmd := &cobra.Command{
		Use:   "check FILE | check --consistency [--json]",
		Short: "Say what is wrong with a configuration file, or with a running instance",
		Long: `With a file: reads it as "skua run" does and changes nothing. Every problem is printed as
file:line: field: what is wrong; the exit status is then 1. Whether the machine has the devices is
seen at the start only.

With --consistency: the running instance compares links, addresses, neighbours, nexthops and routes,
entry by entry, with what its data plane holds and finds, while packets flow and routes change. Every
difference is a line, and the exit status is then 1.`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case consistency && len(args) > 0:
				return errors.New("--consistency asks a running instance, not a file")
			case consistency:
				return nil
			case asJSON:
				return errors.New("--json is for --consistency")
			}
			return oneFile(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if consistency {
				return checkConsistency(cmd.OutOrStdout(), socket(), asJSON)
			}
			c, err := conf.Load(args[0])
			if err == nil {
				err = onPaper(c)
			}
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
	cmd.Flags().BoolVar(&consistency, "consistency", false, "compare the control plane with the data plane of the running instance")
	cmd.Flags().BoolVar(&asJSON, "json", false, "with --consistency: print JSON")
	return cmd
}

// onPaper applies a file to a stack whose devices are all there and do nothing.
func onPaper(c *conf.Config) error {
	dp := dpif.NewFake()
	stack, err := controlplane.New(controlplane.Options{Net: hostNet, DP: dp, Clock: rtnl.NewManualClock()})
	if err != nil {
		return err
	}
	a := newApplier(&paper{mbufSize: c.Dataplane.MbufSize}, stack, dataplaneConfig(c).Idle)
	if err := a.up(); err != nil {
		return err
	}
	plan, err := conf.Plan(nil, c)
	if err != nil {
		return err
	}
	return c.Locate(conf.Apply(a, plan))
}

// paper is ports of no device.
type paper struct {
	mbufSize int
	ports    []dataplane.PortInfo
}

func (p *paper) AddPort(c dataplane.PortConfig) (uint16, dataplane.PortInfo, error) {
	if len(p.ports) == dataplane.MaxPorts {
		return 0, dataplane.PortInfo{}, fmt.Errorf("DPDK has no more than %d ports", dataplane.MaxPorts)
	}
	info := dataplane.PortInfo{
		MAC: c.MAC, PermMAC: [6]byte{2, 0, 0, 0, 0, byte(len(p.ports))}, MTU: c.MTU, MinMTU: 68, MaxMTU: p.mbufSize,
		RxQueues: 1, TxQueues: 1,
	}
	if info.MAC == ([6]byte{}) {
		info.MAC = info.PermMAC
	}
	p.ports = append(p.ports, info)
	return uint16(len(p.ports) - 1), info, nil
}

func (p *paper) DelPort(uint16) error { return nil }

func (p *paper) SetIdle(dataplane.Idle) error { return nil }

func (p *paper) PortInfo(id uint16) (dataplane.PortInfo, error) { return p.ports[id], nil }

func (p *paper) SetPortPlacement(uint16, dataplane.Placement) error { return nil }

func (p *paper) PortLink(uint16) (dataplane.LinkState, error) {
	return dataplane.LinkState{Up: true}, nil
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
