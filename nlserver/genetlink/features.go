// SPDX-License-Identifier: BSD-3-Clause

package genetlink

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/ethtool"
	"skua/nlserver/nlmsg"
)

var featuresGet = getter{
	cmd: unix.ETHTOOL_MSG_FEATURES_GET, reply: unix.ETHTOOL_MSG_FEATURES_GET_REPLY,
	header: headerAttr, policy: headerOnly(&headerPolicy), fill: fillFeatures,
}

// featuresSetPolicy is ethnl_features_set_policy.
var featuresSetPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	headerAttr:                     {Kind: nlmsg.NestedAttrs, Nested: &headerPolicy},
	unix.ETHTOOL_A_FEATURES_HW:     {Kind: nlmsg.Reject},
	unix.ETHTOOL_A_FEATURES_WANTED: {Kind: nlmsg.NestedAttrs},
}}

func fillFeatures(q *query, e *nlmsg.Encoder) error {
	set := bitset{names: ethtool.FeatureNames, n: len(ethtool.FeatureNames)}
	all := ethtool.Bits{^uint32(0), ^uint32(0)}
	set.mask = &all
	set.put(e, unix.ETHTOOL_A_FEATURES_HW, q.compact())
	set.mask = nil
	set.put(e, unix.ETHTOOL_A_FEATURES_WANTED, q.compact())
	set.value = q.dev.Features()
	set.put(e, unix.ETHTOOL_A_FEATURES_ACTIVE, q.compact())
	set.value = ethtool.FeaturesFixed
	set.put(e, unix.ETHTOOL_A_FEATURES_NOCHANGE, q.compact())
	return nil
}

// setFeatures is ethnl_set_features where nothing can be changed: the answer says so.
func (r *registry) setFeatures(c *call, q *query) error {
	a := c.attrs.Get(unix.ETHTOOL_A_FEATURES_WANTED)
	if !a.Present() {
		return unix.EINVAL
	}
	want, mask, err := parseBitset(a, len(ethtool.FeatureNames), ethtool.FeatureNames, c.Ext)
	if err != nil {
		return err
	}
	for i := range mask {
		if mask[i]&ethtool.FeaturesFixed[i] != 0 {
			c.Ext.Warn("attempt to change non-ethtool features")
			return unix.EINVAL
		}
	}
	if q.flags&unix.ETHTOOL_FLAG_OMIT_REPLY != 0 {
		return nil
	}
	active := q.dev.Features()
	var diff ethtool.Bits
	for i := range want {
		diff[i] = (want[i] ^ active[i]) & mask[i]
		want[i] &= diff[i]
	}
	e := c.reply(unix.ETHTOOL_MSG_FEATURES_SET_REPLY)
	putHeader(e, headerAttr, q.dev)
	set := bitset{value: want, mask: &diff, names: ethtool.FeatureNames, n: len(ethtool.FeatureNames)}
	set.put(e, unix.ETHTOOL_A_FEATURES_WANTED, q.compact())
	set.value, set.mask = ethtool.Bits{}, &ethtool.Bits{}
	set.put(e, unix.ETHTOOL_A_FEATURES_ACTIVE, q.compact())
	c.Send()
	return nil
}
