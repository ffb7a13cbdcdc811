// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

// Flags of a VLAN (VLAN_FLAG_*).
const (
	VLANReorderHdr    = 1 << 0
	VLANGVRP          = 1 << 1
	VLANLooseBinding  = 1 << 2
	VLANMVRP          = 1 << 3
	VLANBridgeBinding = 1 << 4

	vlanFlags = VLANReorderHdr | VLANGVRP | VLANLooseBinding | VLANMVRP | VLANBridgeBinding
	vlanMaxID = 4095 // VLAN_VID_MASK: the first that is no id
)

// VLANMap says which priority goes to which: ingress of PCP (0..7) to the packet's priority, egress
// of the packet's priority to PCP.
type VLANMap struct{ From, To uint32 }

// VLANConfig is Config.Data of the kind "vlan"; nil fields were not said.
type VLANConfig struct {
	ID          *uint16 // 0..4094
	Proto       *uint16 // ETH_P_8021Q (when not said) or ETH_P_8021AD
	Flags, Mask uint32  // VLAN*: bits of Mask become those of Flags
	Ingress     []VLANMap
	Egress      []VLANMap
}

// VLAN is Link.Data of a VLAN.
type VLAN struct {
	Proto   uint16
	ID      uint16
	Flags   uint32
	Ingress [8]uint32     // priority of each PCP
	Egress  [16][]VLANMap // by the low bits of the priority, newest first
	real    HardAddr      // of the real device, when the VLAN last looked
	own     *Link         // the port that is to take what is for the VLAN's own address; nil: none
}

type vlanKey struct{ proto, id uint16 }

func (v *VLAN) key() vlanKey { return vlanKey{v.Proto, v.ID} }

// vlanOps is the kind "vlan" (net/8021q): the frames of a device that carry a tag.
var vlanOps = Ops{
	Kind: "vlan", Type: dpif.LinkVLAN,
	Setup:    func(c *Config) { c.MinMTU, c.MaxMTU = 0, 65535 },
	Validate: validateVLAN,
	New:      newVLAN,
	Change: func(t *Table, l *Link, data any) error {
		cfg, _ := data.(*VLANConfig)
		if cfg == nil {
			return nil
		}
		old := *l.Data.(*VLAN)
		v := old.changed(cfg)
		l.Data = &v
		return t.publish(l, func() { l.Data = &old })
	},
	Delete: func(_ *Table, l *Link) error { return deleteVLANs([]*Link{l}) },
	Open:   openVLAN,
	Stop: func(t *Table, l *Link) {
		t.syncAddr(l, false)
		if l.Data.(*VLAN).Flags&VLANBridgeBinding == 0 {
			t.carrierOf(l, false)
		}
	},
	ChangeMTU: func(l *Link, mtu uint32) error {
		if mtu > l.Lower.MTU {
			return syscall.ERANGE
		}
		return nil
	},
	DP: func(l *Link, d *dpif.Link) {
		v := l.Data.(*VLAN)
		d.PeerNet, d.Lower = l.Lower.t.net.ID, l.Lower.Index
		d.VLANProto, d.VLANID = v.Proto, v.ID
		for _, m := range slices.Concat(v.Egress[:]...) {
			if m.From < uint32(len(d.VLANEgress)) {
				d.VLANEgress[m.From] = uint8(m.To & 7)
			}
		}
	},
}

func vlanError(errno syscall.Errno, text string) error { return rtnl.Errorf(errno, "8021q: %s", text) }

// validateVLAN is vlan_validate.
func validateVLAN(c *Config, ch *Change) error {
	if err := validEtherAddr(ch.HardAddr); err != nil {
		return vlanError(rtnl.Errno(err), "Invalid link address")
	}
	cfg, _ := c.Data.(*VLANConfig)
	switch {
	case cfg == nil:
		return vlanError(syscall.EINVAL, "VLAN properties not specified")
	case cfg.Proto != nil && *cfg.Proto != unix.ETH_P_8021Q && *cfg.Proto != unix.ETH_P_8021AD:
		return vlanError(syscall.EPROTONOSUPPORT, "Invalid VLAN protocol")
	case cfg.ID != nil && *cfg.ID >= vlanMaxID:
		return vlanError(syscall.ERANGE, "Invalid VLAN id")
	case cfg.Flags&cfg.Mask&^vlanFlags != 0:
		return vlanError(syscall.EINVAL, "Invalid VLAN flags")
	case cfg.Mask&^vlanFlags != 0:
		return syscall.EINVAL
	case cfg.Flags&cfg.Mask&VLANGVRP != 0:
		return vlanError(syscall.EOPNOTSUPP, "GVRP is not supported")
	case cfg.Flags&cfg.Mask&VLANMVRP != 0:
		return vlanError(syscall.EOPNOTSUPP, "MVRP is not supported")
	}
	return nil
}

// changed is vlan_changelink: the VLAN as cfg wants it.
func (v VLAN) changed(cfg *VLANConfig) VLAN {
	v.Flags = v.Flags&^cfg.Mask | cfg.Flags&cfg.Mask
	for _, m := range cfg.Ingress {
		v.Ingress[m.From&7] = m.To
	}
	for _, m := range cfg.Egress {
		v.setEgress(VLANMap{m.From, m.To & 7})
	}
	return v
}

// setEgress is vlan_dev_set_egress_priority.
func (v *VLAN) setEgress(m VLANMap) {
	bucket := &v.Egress[m.From&15]
	i := slices.IndexFunc(*bucket, func(x VLANMap) bool { return x.From == m.From })
	if i < 0 {
		*bucket = slices.Insert(slices.Clone(*bucket), 0, m)
		return
	}
	*bucket = slices.Clone(*bucket)
	(*bucket)[i] = m
}

// newVLAN is vlan_newlink.
func newVLAN(t *Table, c Config, ch *Change) (*Link, error) {
	cfg := c.Data.(*VLANConfig)
	in := t
	if c.LowerIn != nil {
		in = c.LowerIn
	}
	real := in.ByIndex(c.Lower)
	switch {
	case cfg.ID == nil:
		return nil, vlanError(syscall.EINVAL, "VLAN id not specified")
	case c.Lower == 0:
		return nil, vlanError(syscall.EINVAL, "link not specified")
	case real == nil:
		return nil, vlanError(syscall.ENODEV, "link does not exist")
	}
	v := VLAN{Proto: unix.ETH_P_8021Q, ID: *cfg.ID, Flags: VLANReorderHdr}
	if cfg.Proto != nil {
		v.Proto = *cfg.Proto
	}
	v = v.changed(cfg)
	switch {
	case real.Type != unix.ARPHRD_ETHER, real.Kind == "vrf":
		return nil, vlanError(syscall.EOPNOTSUPP, "VLANs not supported on device")
	case real.vlans[v.key()] != nil:
		return nil, vlanError(syscall.EEXIST, "VLAN device already exists")
	case ch.MTU == nil:
		c.MTU = real.MTU
	case *ch.MTU > real.MTU:
		return nil, syscall.EINVAL
	}
	return t.registerVLAN(c, ch, real, &v)
}

// registerVLAN is register_vlan_dev.
func (t *Table) registerVLAN(c Config, ch *Change, real *Link, v *VLAN) (*Link, error) {
	const own = unix.IFF_UP | unix.IFF_PROMISC | unix.IFF_ALLMULTI | unix.IFF_MASTER | unix.IFF_SLAVE
	c.Flags, c.TSOMaxSize = real.devFlags&^own, real.TSOMaxSize
	c.Carrier = real.Carrier && v.Flags&VLANBridgeBinding == 0
	stolen := c.HardAddr.IsZero()
	if stolen {
		c.HardAddr = real.HardAddr
	}
	l, err := t.register(c, func(l *Link) error {
		l.Data, l.Lower, l.stolen, l.Broadcast = v, real, stolen, real.Broadcast
		l.apply(ch)
		if !l.Carrier {
			l.operPolicy()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := real.t.upperLink(real, l, false); err != nil {
		if rerr := t.Remove(l); rerr != nil {
			t.net.Log.Error("a VLAN on nothing stays", "link", l.Name, "err", rerr)
		}
		return nil, err
	}
	if real.vlans == nil {
		real.vlans = map[vlanKey]*Link{}
	}
	real.vlans[v.key()] = l
	t.transferOperState(real, l)
	t.fire(l)
	return l, nil
}

// deleteVLANs is unregister_vlan_dev of each, and the end of all.
func deleteVLANs(vlans []*Link) error {
	for _, l := range vlans {
		delete(l.Lower.vlans, l.Data.(*VLAN).key())
		l.Lower.t.upperUnlink(l.Lower, l)
	}
	return removeAll(vlans)
}

// openVLAN is vlan_dev_open. ENETDOWN: the real device is down.
func openVLAN(t *Table, l *Link) error {
	v, real := l.Data.(*VLAN), l.Lower
	if !real.Up() && v.Flags&VLANLooseBinding == 0 {
		return syscall.ENETDOWN
	}
	if l.HardAddr != real.HardAddr {
		t.inheritAddr(l)
	}
	v.real = real.HardAddr
	t.syncAddr(l, true)
	if real.Carrier && v.Flags&VLANBridgeBinding == 0 {
		t.carrierOf(l, true)
	}
	return nil
}

// inheritAddr is vlan_dev_inherit_address: a VLAN that was given no address has that of its device.
func (t *Table) inheritAddr(l *Link) {
	if !l.stolen {
		return
	}
	old := *l
	l.HardAddr = l.Lower.HardAddr
	if err := l.t.publish(l, func() { *l = old }); err != nil {
		t.net.Log.Error("a VLAN has another address than its device", "link", l.Name, "err", err)
		return
	}
	l.t.changed(l, Event{Type: ChangeAddr, OldAddr: old.HardAddr})
}

// transferOperState is vlan_stacked_transfer_operstate.
func (t *Table) transferOperState(real, l *Link) {
	if l.Data.(*VLAN).Flags&VLANBridgeBinding == 0 {
		t.carrierOf(l, real.Carrier)
	}
}
