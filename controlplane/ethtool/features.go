// SPDX-License-Identifier: BSD-3-Clause

package ethtool

import "skua/dataplane/dpif"

// Features of devices (NETIF_F_*_BIT).
const (
	featHighDMA        = 5
	featVLANChallenged = 10
	featLLTX           = 12
	featNetnsLocal     = 13
	featRxHash         = 39
	featLoopback       = 42
)

// FeaturesFixed are NETIF_F_NEVER_CHANGE.
var FeaturesFixed = BitsOf(featVLANChallenged, featLLTX, featNetnsLocal)

// Features are what is on; none of them can be switched: the packet path asks no offload of a
// device, and has none of its own that could be on or off (dev->features; dev->hw_features is
// empty).
func (d *Device) Features() Bits {
	switch {
	case d.Loopback():
		return BitsOf(featHighDMA, featVLANChallenged, featLLTX, featNetnsLocal, featLoopback)
	case d.Port != dpif.PortNone && d.RSS != nil:
		if rss, err := d.RSS(d); err == nil && len(rss.Types) > 0 {
			return BitsOf(featHighDMA, featLLTX, featRxHash)
		}
	}
	return BitsOf(featHighDMA, featLLTX)
}
