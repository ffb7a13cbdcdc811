// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

// Stats is what `skua stats --json` prints.
type Stats struct {
	Time    time.Time      `json:"time"`
	Links   []LinkStats    `json:"links"`
	Taps    []TapStats     `json:"taps"`
	Drops   []dpif.Counter `json:"drops"` // by SKB_DROP_REASON, summed over the workers
	Stages  []StageStats   `json:"stages"`
	Workers []WorkerStats  `json:"workers"`
	Neighs  []NeighStats   `json:"neighbours"`
	// NeighDrops are packets of ARP and ND, and packets that asked for a neighbour, that were of no use.
	NeighDrops []dpif.Counter `json:"neighbour_drops"`
	MIBs       []dpif.Counter `json:"mibs"` // names as in /proc/net/snmp and snmp6; those not zero
}

// LinkStats are a link's counters.
type LinkStats struct {
	Name string `json:"name"`
	Up   bool   `json:"up"`
	dpif.LinkStats
}

// StageStats is the price of a stage, summed over the workers.
type StageStats struct {
	Name            string  `json:"name"`
	Packets         uint64  `json:"packets"`
	PacketsPerBurst float64 `json:"packets_per_burst"`
	CyclesPerPacket float64 `json:"cycles_per_packet"` // TSC
}

// WorkerStats is the load of a poll loop.
type WorkerStats struct {
	Worker  uint32            `json:"worker"`
	Lcore   uint32            `json:"lcore"`
	Busy    float64           `json:"busy"` // share of its time in turns that found packets, 0..1
	Polls   uint64            `json:"polls"`
	Punted  map[string]uint64 `json:"punted"`  // to the control plane, by reason
	Policed map[string]uint64 `json:"policed"` // not punted: over the rate of the reason
	Full    map[string]uint64 `json:"full"`    // not punted: the control plane was too slow

	Packets uint64     `json:"packets"` // taken: received, looped back, injected
	TSCHz   uint64     `json:"tsc_hz"`
	Gaps    uint64     `json:"gaps"`    // times that the queues were not looked at for over 100 µs
	GapLog  []dpif.Gap `json:"gap_log"` // the last 64 of them, TSC cycles

	Injected   uint64 `json:"injected"`    // packets that the control plane sent
	InjectFull uint64 `json:"inject_full"` // for which there was no room
}

func statsCommand(socket func() string) *cobra.Command {
	var asJSON, lcores bool
	var watch, interval time.Duration
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Show links, drops by reason, and cycles per stage; or the load of each core",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			if lcores {
				return lcoreStats(out, socket(), asJSON, watch, interval)
			}
			if interval != 0 {
				return errors.New("--interval is for --lcores")
			}
			for {
				var s Stats
				if err := call(socket(), "GET", "/stats", &s); err != nil {
					return err
				}
				if asJSON {
					if err := json.NewEncoder(out).Encode(s); err != nil {
						return err
					}
				} else {
					if watch > 0 && terminal(out) {
						fmt.Fprint(out, "\x1b[H\x1b[2J")
					}
					s.print(out)
				}
				if watch <= 0 {
					return nil
				}
				time.Sleep(watch)
				if !asJSON && !terminal(out) {
					fmt.Fprintln(out)
				}
			}
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one object a line")
	cmd.Flags().DurationVar(&watch, "watch", 0, "print again every so often, e.g. 2s")
	cmd.Flags().Lookup("watch").NoOptDefVal = "1s"
	cmd.Flags().BoolVar(&lcores, "lcores", false, "show what each core polls, its load and its turns")
	cmd.Flags().DurationVarP(&interval, "interval", "i", 0, "with --lcores: over this time; else since the start")
	return cmd
}

func terminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// gather reads all counters once.
func gather(dp dpif.Reader, net uint32, links []LinkStats, neighs []NeighStats) (*Stats, error) {
	s := &Stats{Time: time.Now(), Links: links, Neighs: neighs}
	workers, err := dp.Workers()
	if err != nil {
		return nil, err
	}
	drops := map[string]uint64{}
	stages := map[string]*dpif.StageStats{}
	var order []string
	for _, w := range workers {
		for _, d := range w.Drops {
			drops[d.Name] += d.Value
		}
		for i := range neighs {
			neighs[i].UnresolvedDiscard += w.NeighDiscards[i]
		}
		for _, st := range w.Stages {
			sum := stages[st.Name]
			if sum == nil {
				sum = &dpif.StageStats{Name: st.Name}
				stages[st.Name] = sum
				order = append(order, st.Name)
			}
			sum.Cycles += st.Cycles
			sum.Packets += st.Packets
			sum.Calls += st.Calls
		}
		s.Workers = append(s.Workers, workerStats(w))
	}
	for name, n := range drops {
		s.Drops = append(s.Drops, dpif.Counter{Name: name, Value: n})
	}
	slices.SortFunc(s.Drops, func(a, b dpif.Counter) int { return strings.Compare(a.Name, b.Name) })
	for _, name := range order {
		st := stages[name]
		s.Stages = append(s.Stages, StageStats{
			Name: name, Packets: st.Packets,
			PacketsPerBurst: ratio(st.Packets, st.Calls), CyclesPerPacket: ratio(st.Cycles, st.Packets),
		})
	}
	for _, mib := range []dpif.MIB{dpif.MIBIP, dpif.MIBIPExt, dpif.MIBIP6} {
		counters, err := dp.MIB(net, mib)
		if err != nil {
			return nil, err
		}
		for _, c := range counters {
			if c.Value != 0 {
				s.MIBs = append(s.MIBs, c)
			}
		}
	}
	return s, nil
}

func workerStats(w dpif.WorkerStats) WorkerStats {
	out := WorkerStats{
		Worker: w.Worker, Lcore: w.Lcore, Polls: w.Polls,
		Busy:   ratio(w.BusyCycles, w.BusyCycles+w.IdleCycles+w.SleepCycles),
		Punted: map[string]uint64{}, Policed: map[string]uint64{}, Full: map[string]uint64{},
		Packets: w.Packets, TSCHz: w.TSCHz, Gaps: w.Gaps, GapLog: w.GapLog,
		Injected: w.Injected, InjectFull: w.InjectFull,
	}
	for i := range dpif.PuntMax {
		for _, c := range []struct {
			to map[string]uint64
			n  uint64
		}{{out.Punted, w.Punted[i]}, {out.Policed, w.Policed[i]}, {out.Full, w.PuntFull[i]}} {
			if c.n > 0 {
				c.to[i.String()] = c.n
			}
		}
	}
	return out
}

func ratio(a, b uint64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// print writes the tables that a person reads.
func (s *Stats) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "LINK\tSTATE\tRX PACKETS\tRX BYTES\tRX DROPPED\tTX PACKETS\tTX BYTES\tTX DROPPED")
	for _, l := range s.Links {
		state := "down"
		if l.Up {
			state = "up"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n", l.Name, state,
			l.RxPackets, l.RxBytes, l.RxDropped, l.TxPackets, l.TxBytes, l.TxDropped)
	}
	printTaps(w, s.Taps)
	if len(s.Drops) > 0 {
		fmt.Fprintln(w, "\nDROP REASON\tPACKETS")
		for _, d := range s.Drops {
			fmt.Fprintf(w, "%s\t%d\n", d.Name, d.Value)
		}
	}
	fmt.Fprintln(w, "\nSTAGE\tPACKETS\tPACKETS/BURST\tCYCLES/PACKET")
	for _, st := range s.Stages {
		if st.Packets > 0 {
			fmt.Fprintf(w, "%s\t%d\t%.1f\t%.1f\n", st.Name, st.Packets, st.PacketsPerBurst, st.CyclesPerPacket)
		}
	}
	fmt.Fprintln(w, "\nWORKER\tLCORE\tBUSY\tPUNTED\tPOLICED\tFULL")
	for _, x := range s.Workers {
		fmt.Fprintf(w, "%d\t%d\t%.1f%%\t%s\t%s\t%s\n", x.Worker, x.Lcore, 100*x.Busy,
			named(x.Punted), named(x.Policed), named(x.Full))
	}
	printNeighs(w, s.Neighs, s.NeighDrops)
	_ = w.Flush()
}

// named prints counts with their names, in the order of dpif.PuntReason.
func named(m map[string]uint64) string {
	var parts []string
	for i := range dpif.PuntMax {
		if n := m[i.String()]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", i, n))
		}
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ", ")
}
