// SPDX-License-Identifier: BSD-3-Clause

package genetlink_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"skua/nlserver/nlmsg"
)

const ethtoolID = unix.GENL_START_ALLOC

// monitorGroup is the number of the group "monitor".
const monitorGroup = 2

// attr finds an attribute behind the header of an answer, by the types of the nests it is in.
func attr(a answer, path ...uint16) (found nlmsg.Attr) {
	data := a.body[4:]
	for _, typ := range path {
		found = nlmsg.Attr{}
		_ = nlmsg.Each(data, 0, func(at nlmsg.Attr) error {
			if at.Type() == typ && !found.Present() {
				found = at
			}
			return nil
		})
		data = found.Data
	}
	return found
}

func TestFamiliesAreListed(t *testing.T) {
	c := newWorld(t).client()
	all, _ := c.ask(message(unix.GENL_ID_CTRL, unix.NLM_F_DUMP, unix.CTRL_CMD_GETFAMILY))
	names := map[string]uint16{}
	for _, a := range all {
		if a.Type == unix.GENL_ID_CTRL {
			names[attr(a, unix.CTRL_ATTR_FAMILY_NAME).String()] = attr(a, unix.CTRL_ATTR_FAMILY_ID).U16()
		}
	}
	if len(names) != 2 || names["nlctrl"] != unix.GENL_ID_CTRL || names["ethtool"] != ethtoolID {
		t.Errorf("families %v", names)
	}
}

func TestFamilyIsFound(t *testing.T) {
	c := newWorld(t).client()
	name := func(s string) func(*nlmsg.Encoder) {
		return func(e *nlmsg.Encoder) { e.String(unix.CTRL_ATTR_FAMILY_NAME, s) }
	}
	all, _ := c.ask(message(unix.GENL_ID_CTRL, 0, unix.CTRL_CMD_GETFAMILY, name("ethtool")))
	if len(all) != 1 || attr(all[0], unix.CTRL_ATTR_MCAST_GROUPS, 1, unix.CTRL_ATTR_MCAST_GRP_ID).U32() != monitorGroup {
		t.Fatalf("ethtool: %d answers", len(all))
	}
	for _, f := range []struct {
		typ   uint16
		cmd   uint8
		attr  func(*nlmsg.Encoder)
		errno int
	}{
		{unix.GENL_ID_CTRL, unix.CTRL_CMD_GETFAMILY, name("nosuch"), int(unix.ENOENT)},
		{unix.GENL_ID_CTRL, unix.CTRL_CMD_GETFAMILY, func(*nlmsg.Encoder) {}, int(unix.EINVAL)},
		{unix.GENL_ID_CTRL, unix.CTRL_CMD_GETPOLICY, name("ethtool"), int(unix.EOPNOTSUPP)},
		{unix.GENL_ID_CTRL, 200, name("ethtool"), int(unix.EOPNOTSUPP)},
		{999, 1, func(*nlmsg.Encoder) {}, int(unix.ENOENT)},
	} {
		if _, errno := c.ask(message(f.typ, 0, f.cmd, f.attr)); errno != f.errno {
			t.Errorf("type %d command %d: errno %d, want %d", f.typ, f.cmd, errno, f.errno)
		}
	}
}

// TestPolicyOfRings follows the policy of a command into the header that it nests.
func TestPolicyOfRings(t *testing.T) {
	c := newWorld(t).client()
	all, _ := c.ask(message(unix.GENL_ID_CTRL, unix.NLM_F_DUMP, unix.CTRL_CMD_GETPOLICY,
		func(e *nlmsg.Encoder) { e.U16(unix.CTRL_ATTR_FAMILY_ID, ethtoolID) },
		func(e *nlmsg.Encoder) { e.U32(unix.CTRL_ATTR_OP, unix.ETHTOOL_MSG_RINGS_SET) }))
	if len(all) < 3 {
		t.Fatalf("%d answers", len(all))
	}
	do := attr(all[0], unix.CTRL_ATTR_OP_POLICY, unix.ETHTOOL_MSG_RINGS_SET, unix.CTRL_ATTR_POLICY_DO)
	if !do.Present() || do.U32() != 0 {
		t.Error("the command has no policy")
	}
	nested, limited := false, false
	for _, a := range all[1:] {
		if p := attr(a, unix.CTRL_ATTR_POLICY, 0, 1, unix.NL_POLICY_TYPE_ATTR_POLICY_IDX); p.Present() {
			nested = p.U32() == 1
		}
		if p := attr(a, unix.CTRL_ATTR_POLICY, 0, 13, unix.NL_POLICY_TYPE_ATTR_MAX_VALUE_U); p.Present() {
			limited = p.U64() == 1
		}
	}
	if !nested || !limited {
		t.Errorf("the header is nested: %v; tx-push is 0 or 1: %v", nested, limited)
	}
}

func TestRingsOfAPort(t *testing.T) {
	w := newWorld(t)
	c, mon := w.client(), w.client()
	mon.frame([]uint32{opJoin, 0, monitorGroup, 0, 0}, nil, nil)
	set := func(rx uint32) int {
		_, errno := c.ask(message(ethtoolID, unix.NLM_F_ACK, unix.ETHTOOL_MSG_RINGS_SET, device(1, portIndex, 0),
			func(e *nlmsg.Encoder) { e.U32(unix.ETHTOOL_A_RINGS_RX, rx) }))
		return errno
	}
	if errno := set(2048); errno != 0 {
		t.Fatalf("errno %d", errno)
	}
	w.stack.Net.Lock()
	rx := w.ports.Devices[7].Rings.Rx
	w.stack.Net.Unlock()
	if rx != 2048 {
		t.Errorf("the port has %d descriptors", rx)
	}
	ntf := mon.drain()
	if len(ntf) != 1 || ntf[0].body[0] != unix.ETHTOOL_MSG_RINGS_NTF || attr(ntf[0], unix.ETHTOOL_A_RINGS_RX).U32() != 2048 {
		t.Errorf("the monitor got %d messages", len(ntf))
	}
	if errno := set(2048); errno != 0 || len(mon.drain()) != 0 {
		t.Errorf("no change is one, or errno %d", errno)
	}
	if errno := set(5000); errno != int(unix.EINVAL) {
		t.Errorf("more than the port can: errno %d", errno)
	}
}

// TestDumpLeavesOut is about devices that lack what is asked for.
func TestDumpLeavesOut(t *testing.T) {
	c := newWorld(t).client()
	for cmd, want := range map[uint8][]uint32{
		unix.ETHTOOL_MSG_RINGS_GET:     {portIndex},
		unix.ETHTOOL_MSG_COALESCE_GET:  {tapIndex},
		unix.ETHTOOL_MSG_PAUSE_GET:     {portIndex},
		unix.ETHTOOL_MSG_LINKSTATE_GET: {1, tapIndex, portIndex},
		unix.ETHTOOL_MSG_FEC_GET:       {portIndex},
		unix.ETHTOOL_MSG_EEE_GET:       {},
	} {
		all, _ := c.ask(message(ethtoolID, unix.NLM_F_DUMP, cmd, device(1, 0, 1)))
		var got []uint32
		for _, a := range all {
			if a.Type == ethtoolID {
				got = append(got, attr(a, 1, unix.ETHTOOL_A_HEADER_DEV_INDEX).U32())
			}
		}
		if len(got) != len(want) {
			t.Errorf("command %d: devices %v, want %v", cmd, got, want)
			continue
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("command %d: devices %v, want %v", cmd, got, want)
			}
		}
	}
}

// FuzzRequest sends bytes to the server as a client that may do everything: whatever they say, it
// goes on serving, and what it answers is well formed.
func FuzzRequest(f *testing.F) {
	for cmd := uint8(1); cmd <= unix.ETHTOOL_MSG_PSE_SET; cmd++ {
		f.Add(message(ethtoolID, unix.NLM_F_ACK, cmd, device(1, portIndex, 0)))
		f.Add(message(ethtoolID, unix.NLM_F_DUMP, cmd, device(1, 0, 1)))
	}
	f.Add(message(unix.GENL_ID_CTRL, unix.NLM_F_DUMP, unix.CTRL_CMD_GETPOLICY,
		func(e *nlmsg.Encoder) { e.U16(unix.CTRL_ATTR_FAMILY_ID, ethtoolID) }))
	bits := func(typ uint16, compact bool) func(*nlmsg.Encoder) {
		return func(e *nlmsg.Encoder) {
			nest := e.Nest(typ)
			if compact {
				e.U32(unix.ETHTOOL_A_BITSET_SIZE, 40)
				e.Payload(unix.ETHTOOL_A_BITSET_VALUE, 8)[1] = 7
				e.Payload(unix.ETHTOOL_A_BITSET_MASK, 8)[1] = 7
			} else {
				list := e.Nest(unix.ETHTOOL_A_BITSET_BITS)
				bit := e.Nest(unix.ETHTOOL_A_BITSET_BITS_BIT)
				e.String(unix.ETHTOOL_A_BITSET_BIT_NAME, "rx-gro")
				e.Flag(unix.ETHTOOL_A_BITSET_BIT_VALUE)
				e.EndNest(bit)
				e.EndNest(list)
			}
			e.EndNest(nest)
		}
	}
	for _, compact := range []bool{true, false} {
		f.Add(message(ethtoolID, unix.NLM_F_ACK, unix.ETHTOOL_MSG_FEATURES_SET, device(1, portIndex, 0), bits(3, compact)))
		f.Add(message(ethtoolID, unix.NLM_F_ACK, unix.ETHTOOL_MSG_LINKMODES_SET, device(1, tapIndex, 0), bits(3, compact)))
		f.Add(message(ethtoolID, 0, unix.ETHTOOL_MSG_STATS_GET, device(2, portIndex, 0), bits(3, compact)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 100000 {
			return
		}
		w := newWorld(t)
		w.client().ask(data)
		all, _ := w.client().ask(message(unix.GENL_ID_CTRL, 0, unix.CTRL_CMD_GETFAMILY,
			func(e *nlmsg.Encoder) { e.U16(unix.CTRL_ATTR_FAMILY_ID, ethtoolID) }))
		if len(all) != 1 {
			t.Error("the family is no longer found")
		}
	})
}
