// SPDX-License-Identifier: BSD-3-Clause

package link

// SetCarrier tells what the port says of its link (netif_carrier_on, netif_carrier_off).
func (t *Table) SetCarrier(l *Link, on bool) error {
	err := t.carrier(l, on)
	t.linkwatch()
	return err
}

// carrier is netif_carrier_on and netif_carrier_off: the data plane knows at once, the operational
// state follows in linkwatch.
func (t *Table) carrier(l *Link, on bool) error {
	if l.gone || l.Carrier == on {
		return nil
	}
	old := *l
	l.Carrier = on
	if on {
		l.CarrierUpCount++
	} else {
		l.CarrierDownCount++
	}
	if err := l.t.publish(l, func() { *l = old }); err != nil {
		return err
	}
	t.fire(l)
	return nil
}

// carrierOf is carrier where nobody waits for the answer.
func (t *Table) carrierOf(l *Link, on bool) {
	if err := t.carrier(l, on); err != nil {
		t.net.Log.Error("the data plane has another carrier", "link", l.Name, "carrier", on, "err", err)
	}
}

// fire is linkwatch_fire_event: l, which may be another table's, is looked at by linkwatch.
func (t *Table) fire(l *Link) {
	if !l.watched {
		l.watched = true
		t.watch = append(t.watch, l)
	}
}

// linkwatch follows the carriers that have changed (linkwatch_run_queue). The kernel's does so when
// RTNL is free again; here it is the last thing that a change does.
func (t *Table) linkwatch() {
	for len(t.watch) > 0 {
		l := t.watch[0]
		t.watch = t.watch[1:]
		l.watched = false
		if l.gone {
			continue
		}
		l.operPolicy()
		l.refreshFlags()
		l.t.stateChange(l, 0)
	}
	t.watch = nil
}

// operPolicy is rfc2863_policy.
func (l *Link) operPolicy() {
	switch {
	case !l.Carrier && l.Iflink() != l.Index:
		l.OperState = OperLowerLayerDown
	case !l.Carrier:
		l.OperState = OperDown
	case l.LinkMode == ModeDormant && l.OperState != OperUp:
		l.OperState = OperDormant
	default:
		l.OperState = OperUp
	}
}
