// SPDX-License-Identifier: BSD-3-Clause

package conf

import "fmt"

// hostName is the interface of our own network namespace that stands behind a link; "": none.
func (l *Link) hostName() string {
	if l.Tap != nil && l.Tap.Netns == "" {
		return l.Tap.Name
	}
	return l.AFPacket + l.AFXDP
}

// twins checks that the names of links are free in the host, where their twins get them too.
func (v *validator) twins(c *Config) {
	of := map[string]int{"skua0": -1}
	for i := range c.Links {
		if name := c.Links[i].hostName(); name != "" {
			of[name] = i
		}
	}
	for i := range c.Links {
		path := fmt.Sprintf("link[%d].name", i)
		switch j, taken := of[c.Links[i].Name]; {
		case !taken:
		case j < 0:
			v.at(path, "%q is what appliance.twins calls its own interface", c.Links[i].Name)
		default:
			v.at(path, "its twin (appliance.twins) cannot have the name %q: so is the interface called behind the link in line %d",
				c.Links[i].Name, v.lines.of(fmt.Sprintf("link[%d]", j)))
		}
	}
}
