// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
)

// From linux/bpf.h.
const (
	liveFrames  = 1 << 1 // BPF_F_TEST_XDP_LIVE_FRAMES
	xdpAborted  = 0
	xdpDrop     = 1
	xdpPass     = 2
	tcActShot   = 2
	frameLen    = 60
	destsMax    = 1 << 20
	liveBatch   = 64 // frames that the kernel makes at a time: a NAPI poll's worth
	mdSize      = 24 // of struct xdp_md
	mdDataEnd   = 4
	mdIngress   = 12
	ethTypeIPv4 = 0x0800
)

// sink says how many packets have arrived where it counts.
type sink func() (uint64, error)

// programs are the generator with its three endings, and the sinks.
type programs struct {
	dests, state            *ebpf.Map // where packets go; what the generator counts
	discard, pass, redirect func(n uint32) error
	dropXDP, dropTC         sink
	attachTC                func() (io.Closer, error) // dropTC counts while it is attached
}

// load loads all of it and attaches the sinks.
func (w *world) load() error {
	var err error
	keep := func(c io.Closer, e error) error {
		if e == nil {
			w.closers = append(w.closers, c)
		}
		return e
	}
	if w.dests, err = ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: destsMax}); keep(w.dests, err) != nil {
		return err
	}
	if w.state, err = ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 16, MaxEntries: 1}); keep(w.state, err) != nil {
		return err
	}
	for _, p := range []struct {
		to     *func(n uint32) error
		ending asm.Instructions
	}{
		{&w.discard, asm.Instructions{asm.Mov.Imm(asm.R0, xdpDrop), asm.Return()}},
		{&w.pass, asm.Instructions{asm.Mov.Imm(asm.R0, xdpPass), asm.Return()}},
		{&w.redirect, asm.Instructions{
			asm.Mov.Imm(asm.R1, int32(w.gen0.Index)), asm.Mov.Imm(asm.R2, 0), asm.FnRedirect.Call(), asm.Return(),
		}},
	} {
		prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.XDP, License: "BSD", Instructions: w.generator(p.ending)})
		if keep(prog, err) != nil {
			return fmt.Errorf("the generator: %w", err)
		}
		*p.to = func(n uint32) error { return w.live(prog, n) }
	}
	return w.attachSinks(keep)
}

// generator writes a whole new header into its frame, then ends it:
//
//	r7 data, r9 state: {packets made}, r0 the destination
func (w *world) generator(ending asm.Instructions) asm.Instructions {
	prog := asm.Instructions{
		asm.LoadMem(asm.R7, asm.R1, 0, asm.Word),
		asm.LoadMem(asm.R8, asm.R1, mdDataEnd, asm.Word),
		asm.Mov.Reg(asm.R2, asm.R7),
		asm.Add.Imm(asm.R2, frameLen),
		asm.JGT.Reg(asm.R2, asm.R8, "bad"),
		asm.LoadMapValue(asm.R9, w.state.FD(), 0),
		asm.LoadMem(asm.R1, asm.R9, 0, asm.DWord),
		asm.Mov.Reg(asm.R2, asm.R1),
		asm.Add.Imm(asm.R2, 1),
		asm.StoreMem(asm.R9, 0, asm.R2, asm.DWord),
		// dests[made & mask]; the mask lies behind the counter
		asm.LoadMem(asm.R2, asm.R9, 8, asm.DWord),
		asm.And.Reg(asm.R1, asm.R2),
		asm.StoreMem(asm.RFP, -4, asm.R1, asm.Word),
		asm.LoadMapPtr(asm.R1, w.dests.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "bad"),
	}
	var head [14 + len(header)]byte
	copy(head[0:], w.in0.HardwareAddr)
	copy(head[6:], w.gen0.HardwareAddr)
	binary.BigEndian.PutUint16(head[12:], ethTypeIPv4)
	copy(head[14:], header[:])
	for i := 0; i < len(head)-4; i += 2 { // all but the destination; its checksum follows
		prog = append(prog, asm.StoreImm(asm.R7, int16(i), int64(binary.NativeEndian.Uint16(head[i:])), asm.Half))
	}
	prog = append(prog,
		asm.LoadMem(asm.R1, asm.R0, 0, asm.Word),
		asm.StoreMem(asm.R7, 14+16, asm.R1, asm.Word),
		asm.LoadMem(asm.R1, asm.R0, 4, asm.Half),
		asm.StoreMem(asm.R7, 14+10, asm.R1, asm.Half))
	prog = append(prog, ending...)
	return append(prog, asm.Mov.Imm(asm.R0, xdpAborted).WithSymbol("bad"), asm.Return())
}

// live has the kernel make n frames on in0 and run them through a program.
func (w *world) live(p *ebpf.Program, n uint32) error {
	md := make([]byte, mdSize)
	binary.NativeEndian.PutUint32(md[mdDataEnd:], frameLen)
	binary.NativeEndian.PutUint32(md[mdIngress:], uint32(w.in0.Index))
	_, err := p.Run(&ebpf.RunOptions{Data: make([]byte, frameLen), Context: md, Repeat: n, Flags: liveFrames, BatchSize: liveBatch})
	if err != nil {
		return fmt.Errorf("live frames: %w", err)
	}
	return nil
}

// attachSinks counts what reaches sink0, and what leaves by out0 for nowhere when that is attached.
func (w *world) attachSinks(keep func(io.Closer, error) error) error {
	counter := func() (*ebpf.Map, sink, error) {
		m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 8, MaxEntries: 1})
		return m, func() (uint64, error) {
			var values []uint64
			if err := m.Lookup(uint32(0), &values); err != nil {
				return 0, err
			}
			sum := uint64(0)
			for _, v := range values {
				sum += v
			}
			return sum, nil
		}, keep(m, err)
	}
	count := func(m *ebpf.Map, verdict int32) asm.Instructions {
		return asm.Instructions{
			asm.StoreImm(asm.RFP, -4, 0, asm.Word),
			asm.LoadMapPtr(asm.R1, m.FD()),
			asm.Mov.Reg(asm.R2, asm.RFP),
			asm.Add.Imm(asm.R2, -4),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, "end"),
			asm.LoadMem(asm.R1, asm.R0, 0, asm.DWord),
			asm.Add.Imm(asm.R1, 1),
			asm.StoreMem(asm.R0, 0, asm.R1, asm.DWord),
			asm.Mov.Imm(asm.R0, verdict).WithSymbol("end"),
			asm.Return(),
		}
	}
	xdpCount, atXDP, err := counter()
	if err != nil {
		return err
	}
	xdp, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.XDP, License: "BSD", Instructions: count(xdpCount, xdpDrop)})
	if keep(xdp, err) != nil {
		return err
	}
	sink0, err := net.InterfaceByName("sink0")
	if err != nil {
		return err
	}
	out0, err := net.InterfaceByName("out0")
	if err != nil {
		return err
	}
	on, err := link.AttachXDP(link.XDPOptions{Program: xdp, Interface: sink0.Index, Flags: link.XDPDriverMode})
	if keep(on, err) != nil {
		return fmt.Errorf("XDP on sink0: %w", err)
	}
	tcCount, atTC, err := counter()
	if err != nil {
		return err
	}
	tc, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, License: "BSD", Instructions: count(tcCount, tcActShot)})
	if keep(tc, err) != nil {
		return err
	}
	w.dropXDP, w.dropTC = atXDP, atTC
	w.attachTC = func() (io.Closer, error) {
		l, err := link.AttachTCX(link.TCXOptions{Program: tc, Interface: out0.Index, Attach: ebpf.AttachTCXEgress})
		if err != nil {
			return nil, fmt.Errorf("tc egress on out0: %w", err)
		}
		return l, nil
	}
	// What is redirected to gen0 is received by NAPI on in0 if that has a program.
	all, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.XDP, License: "BSD",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, xdpPass), asm.Return()}})
	if keep(all, err) != nil {
		return err
	}
	on, err = link.AttachXDP(link.XDPOptions{Program: all, Interface: w.in0.Index, Flags: link.XDPDriverMode})
	if keep(on, err) != nil {
		return fmt.Errorf("XDP on in0: %w", err)
	}
	return nil
}

// destine sets the destinations that frames get, as many as a mask can count.
func (w *world) destine(to []destination) error {
	n := powerOfTwo(min(len(to), destsMax))
	keys := make([]uint32, n)
	for i := range keys {
		keys[i] = uint32(i)
	}
	if _, err := w.dests.BatchUpdate(keys, to[:n], nil); err != nil {
		return fmt.Errorf("destinations: %w", err)
	}
	return w.state.Put(uint32(0), struct{ Made, Mask uint64 }{0, uint64(n - 1)})
}

// made is how many frames have been made.
func (w *world) made() (uint64, error) {
	var s struct{ Made, Mask uint64 }
	err := w.state.Lookup(uint32(0), &s)
	return s.Made, err
}
