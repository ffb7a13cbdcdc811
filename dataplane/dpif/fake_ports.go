// SPDX-License-Identifier: BSD-3-Clause

package dpif

import "syscall"

// FakePort is a port as FakePorts has it. What is nil or zero the device cannot.
type FakePort struct {
	Driver   PortDriver
	Medium   PortMedium
	Counters []Counter
	Regs     []byte
	EEPROM   []byte
	RSS      PortRSS
	Rings    PortRings
	Queues   PortQueues
	Pause    *PortPause
	FEC      *PortFEC
}

// FakePorts is a Fake that has devices.
type FakePorts struct {
	*Fake
	Devices map[uint16]*FakePort
}

var _ Ports = (*FakePorts)(nil)

// ask finds a port and says ENOTSUP unless it can what is wanted.
func (f *FakePorts) ask(port uint16, can func(*FakePort) bool) (*FakePort, error) {
	switch p := f.Devices[port]; {
	case p == nil:
		return &FakePort{}, syscall.ENODEV
	case !can(p):
		return &FakePort{}, syscall.ENOTSUP
	default:
		return p, nil
	}
}

func always(*FakePort) bool { return true }

// PortDriver implements Ports.
func (f *FakePorts) PortDriver(port uint16) (PortDriver, error) {
	p, err := f.ask(port, always)
	return p.Driver, err
}

// PortMedium implements Ports.
func (f *FakePorts) PortMedium(port uint16) (PortMedium, error) {
	p, err := f.ask(port, always)
	return p.Medium, err
}

// PortCounters implements Ports.
func (f *FakePorts) PortCounters(port uint16) ([]Counter, error) {
	p, err := f.ask(port, always)
	return p.Counters, err
}

// PortRegs implements Ports.
func (f *FakePorts) PortRegs(port uint16) (PortRegs, error) {
	p, err := f.ask(port, func(p *FakePort) bool { return p.Regs != nil })
	return PortRegs{Version: 1, Data: p.Regs}, err
}

// PortEEPROM implements Ports.
func (f *FakePorts) PortEEPROM(port uint16, offset, n uint32) ([]byte, uint32, error) {
	p, err := f.ask(port, func(p *FakePort) bool { return p.EEPROM != nil })
	if err == nil && uint64(offset)+uint64(n) > uint64(len(p.EEPROM)) {
		return nil, uint32(len(p.EEPROM)), syscall.EINVAL
	}
	if err != nil {
		return nil, 0, err
	}
	return p.EEPROM[offset : offset+n], uint32(len(p.EEPROM)), nil
}

// PortModule implements Ports: no module is plugged.
func (f *FakePorts) PortModule(uint16, uint32, uint32) ([]byte, uint32, uint32, error) {
	return nil, 0, 0, syscall.ENOTSUP
}

// PortSpread implements Ports.
func (f *FakePorts) PortSpread(port uint16) (PortRSS, error) {
	p, err := f.ask(port, func(p *FakePort) bool { return p.RSS.Types != nil })
	return p.RSS, err
}

// PortRings implements Ports.
func (f *FakePorts) PortRings(port uint16) (PortRings, error) {
	p, err := f.ask(port, always)
	return p.Rings, err
}

// SetPortRings implements Ports.
func (f *FakePorts) SetPortRings(port uint16, rx, tx uint32) error {
	p, err := f.ask(port, func(p *FakePort) bool { return p.Rings.RxMax != 0 })
	p.Rings.Rx, p.Rings.Tx = rx, tx
	return err
}

// PortQueues implements Ports.
func (f *FakePorts) PortQueues(port uint16) (PortQueues, error) {
	p, err := f.ask(port, always)
	return p.Queues, err
}

// SetPortQueues implements Ports.
func (f *FakePorts) SetPortQueues(port uint16, rx uint32) error {
	p, err := f.ask(port, always)
	p.Queues.Rx = rx
	return err
}

// PortPause implements Ports.
func (f *FakePorts) PortPause(port uint16) (PortPause, error) {
	p, err := f.ask(port, func(p *FakePort) bool { return p.Pause != nil })
	if err != nil {
		return PortPause{}, err
	}
	return *p.Pause, nil
}

// SetPortPause implements Ports.
func (f *FakePorts) SetPortPause(port uint16, pause PortPause) error {
	p, err := f.ask(port, func(p *FakePort) bool { return p.Pause != nil })
	if err == nil {
		*p.Pause = pause
	}
	return err
}

// PortFEC implements Ports.
func (f *FakePorts) PortFEC(port uint16) (PortFEC, error) {
	p, err := f.ask(port, func(p *FakePort) bool { return p.FEC != nil })
	if err != nil {
		return PortFEC{}, err
	}
	return *p.FEC, nil
}

// SetPortFEC implements Ports.
func (f *FakePorts) SetPortFEC(port uint16, configured uint32) error {
	p, err := f.ask(port, func(p *FakePort) bool { return p.FEC != nil })
	if err == nil {
		p.FEC.Configured, p.FEC.Active = configured, configured&^FECAuto
	}
	return err
}
