// SPDX-License-Identifier: BSD-3-Clause

package procfs

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
)

// eachVLAN calls f with the VLANs.
func (t *Tree) eachVLAN(f func(l *link.Link, v *link.VLAN)) {
	for _, l := range t.st.Links.All() {
		if v, ok := l.Data.(*link.VLAN); ok && l.Lower != nil {
			f(l, v)
		}
	}
}

// vlan is /proc/net/vlan: config, and a file for every VLAN.
func (t *Tree) vlan(name string) *Node {
	switch name {
	case "":
		return dir(0o555, func() []Entry {
			out := []Entry{{"config", unix.S_IFREG}}
			t.lock(func() {
				t.eachVLAN(func(l *link.Link, _ *link.VLAN) { out = append(out, Entry{l.Name, unix.S_IFREG}) })
			})
			return out
		})
	case "config":
		n := t.text((*Tree).vlanConfig)
		n.Mode |= 0o200
		return n
	}
	var index uint32
	t.lock(func() {
		t.eachVLAN(func(l *link.Link, _ *link.VLAN) {
			if l.Name == name {
				index = l.Index
			}
		})
	})
	if index == 0 {
		return nil
	}
	n := t.text(func(t *Tree, b *bytes.Buffer) {
		t.eachVLAN(func(l *link.Link, v *link.VLAN) {
			if l.Index == index {
				t.vlanDev(b, l, v)
			}
		})
	})
	n.Mode |= 0o200
	return n
}

// vlanConfig is vlan_seq_show.
func (t *Tree) vlanConfig(b *bytes.Buffer) {
	b.WriteString("VLAN Dev name\t | VLAN ID\nName-Type: VLAN_NAME_TYPE_RAW_PLUS_VID_NO_PAD\n")
	t.eachVLAN(func(l *link.Link, v *link.VLAN) {
		fmt.Fprintf(b, "%-15s| %d  | %s\n", l.Name, v.ID, l.Lower.Name)
	})
}

// vlanPrivFlags is IFF_802_1Q_VLAN. Of the others that a VLAN of the kernel has Skua knows none.
const vlanPrivFlags = 0x1

// vlanDev is vlandev_seq_show.
func (t *Tree) vlanDev(b *bytes.Buffer, l *link.Link, v *link.VLAN) {
	s := t.stats(l)
	fmt.Fprintf(b, "%s  VID: %d\t REORDER_HDR: %d  dev->priv_flags: %x\n", l.Name, v.ID, v.Flags&link.VLANReorderHdr, vlanPrivFlags)
	fmt.Fprintf(b, "%30s %12d\n%30s %12d\n%30s %12d\n\n", "total frames received", s.RxPackets,
		"total bytes received", s.RxBytes, "Broadcast/Multicast Rcvd", s.Multicast)
	fmt.Fprintf(b, "%30s %12d\n%30s %12d\nDevice: %s", "total frames transmitted", s.TxPackets,
		"total bytes transmitted", s.TxBytes, l.Lower.Name)
	in := v.Ingress
	fmt.Fprintf(b, "\nINGRESS priority mappings: 0:%d  1:%d  2:%d  3:%d  4:%d  5:%d  6:%d 7:%d\n",
		in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7])
	b.WriteString(" EGRESS priority mappings: ")
	for _, list := range v.Egress {
		for _, m := range list {
			fmt.Fprintf(b, "%d:%d ", m.From, m.To)
		}
	}
	b.WriteString("\n")
}
