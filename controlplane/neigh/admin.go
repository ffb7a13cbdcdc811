// SPDX-License-Identifier: BSD-3-Clause

package neigh

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
)

// Config is what one RTM_NEWNEIGH or RTM_DELNEIGH says.
type Config struct {
	Link     *link.Link // nil: none given
	Addr     netip.Addr
	HardAddr link.HardAddr
	HasAddr  bool   // HardAddr was given
	NUD      uint16 // ndm_state
	Flags    uint32 // Flag*: ndm_flags and NDA_FLAGS_EXT
	Protocol uint8  // 0: none given
	Portid   uint32 // of who asks
}

// Add adds an entry or changes the one that is there (neigh_add). nlflags are NLM_F_CREATE,
// NLM_F_EXCL, NLM_F_REPLACE. ENOENT: it is not there and was not to be created; EEXIST: it is there
// and was to be new; ENOBUFS: the table is full; EINVAL with a text: what was asked makes no sense.
func (t *Table) Add(c Config, nlflags uint16) error {
	if c.Flags&FlagProxy != 0 {
		if c.Flags&(FlagManaged|FlagExtValidated) != 0 {
			return rtnl.Errorf(unix.EINVAL, "Invalid NTF_* flag combination")
		}
		return t.AddProxy(Proxy{
			Addr: c.Addr, Link: c.Link, Flags: c.Flags, Protocol: c.Protocol,
			Permanent: c.NUD&unix.NUD_PERMANENT != 0,
		})
	}
	if c.Link == nil {
		return rtnl.Errorf(unix.EINVAL, "Device not specified")
	}
	if !c.Addr.Is4() && !c.Link.Enabled6() {
		return rtnl.Errorf(unix.EINVAL, "IPv6 is disabled on this device")
	}
	n, flags, err := t.addEntry(&c, nlflags)
	if err != nil {
		return err
	}
	if c.Protocol != 0 {
		n.Protocol = c.Protocol
	}
	for _, b := range []struct {
		flag   uint32
		update UpdateFlags
	}{
		{FlagExtLearned, ExtLearned}, {FlagRouter, IsRouter}, {FlagManaged, Managed},
		{FlagUse, Use}, {FlagExtValidated, ExtValidated},
	} {
		if c.Flags&b.flag != 0 {
			flags |= b.update
		}
	}
	// The kernel keeps a state in eight bits.
	err = t.Update(n, c.HardAddr, c.HasAddr, c.NUD&0xff, flags, c.Portid)
	if err == nil && c.Flags&(FlagUse|FlagManaged) != 0 {
		t.eventSend(n)
	}
	return err
}

// addEntry finds or creates the entry that an RTM_NEWNEIGH is about.
func (t *Table) addEntry(c *Config, nlflags uint16) (*Entry, UpdateFlags, error) {
	flags := Admin | Override | OverrideIsRouter
	permanent := c.NUD&unix.NUD_PERMANENT != 0
	state := c.NUD
	n := t.Lookup(c.Link, c.Addr)
	if n != nil {
		if nlflags&unix.NLM_F_EXCL != 0 {
			return nil, 0, unix.EEXIST
		}
		if c.Flags&(FlagUse|FlagManaged) != 0 {
			state = n.NUD &^ unix.NUD_PERMANENT
		}
		if c.Flags&FlagExtValidated != 0 && state&Valid == 0 {
			return nil, 0, rtnl.Errorf(unix.EINVAL, "Cannot mark neighbor as externally validated with an invalid state")
		}
		if nlflags&unix.NLM_F_REPLACE == 0 {
			flags &^= Override | OverrideIsRouter
		}
		return n, flags, nil
	}
	if nlflags&unix.NLM_F_CREATE == 0 {
		return nil, 0, unix.ENOENT
	}
	if permanent && c.Flags&FlagManaged != 0 {
		return nil, 0, rtnl.Errorf(unix.EINVAL, "Invalid NTF_* flag for permanent entry")
	}
	if c.Flags&(FlagUse|FlagManaged) != 0 {
		state = unix.NUD_NONE
	}
	if c.Flags&FlagExtValidated != 0 && state&Valid == 0 {
		return nil, 0, rtnl.Errorf(unix.EINVAL, "Cannot create externally validated neighbor with an invalid state")
	}
	exempt := permanent || c.Flags&(FlagExtLearned|FlagExtValidated) != 0
	n, err := t.create(c.Link, c.Addr, c.Flags, exempt)
	return n, flags, err
}

// Delete deletes an entry (neigh_delete): first it fails, then it goes; both are told. ENOENT: there
// is none.
func (t *Table) Delete(c Config) error {
	if c.Flags&FlagProxy != 0 {
		return t.DeleteProxy(c.Link, c.Addr)
	}
	if c.Link == nil {
		return unix.EINVAL
	}
	n := t.Lookup(c.Link, c.Addr)
	if n == nil {
		return unix.ENOENT
	}
	err := t.Update(n, link.HardAddr{}, false, unix.NUD_FAILED, Override|Admin, c.Portid)
	t.remove(n)
	return err
}
