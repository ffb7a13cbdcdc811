// SPDX-License-Identifier: BSD-3-Clause

package pkt

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Parse reads the notation. A value "*" is a field that is left out. Layers are separated by a
// slash that stands alone.
func Parse(text string, names Names) ([]Layer, error) {
	words, err := split(text)
	if err != nil {
		return nil, err
	}
	var layers []Layer
	for len(words) > 0 {
		n := 0
		for n < len(words) && words[n] != "/" {
			n++
		}
		l, err := parseLayer(words[:n], names)
		if err != nil {
			return nil, err
		}
		layers = append(layers, l)
		words = words[min(n+1, len(words)):]
	}
	if len(layers) == 0 {
		return nil, fmt.Errorf("an empty packet")
	}
	return layers, nil
}

// split cuts at white space; a quoted string is one word, with its quotes.
func split(text string) ([]string, error) {
	var words []string
	for i := 0; i < len(text); {
		switch {
		case strings.IndexByte(" \t\r\n", text[i]) >= 0:
			i++
		case text[i] == '"':
			end := strings.IndexByte(text[i+1:], '"')
			if end < 0 {
				return nil, fmt.Errorf("a string without its end: %s", text[i:])
			}
			words = append(words, text[i:i+end+2])
			i += end + 2
		default:
			end := strings.IndexAny(text[i:], " \t\r\n")
			if end < 0 {
				end = len(text) - i
			}
			words = append(words, text[i:i+end])
			i += end
		}
	}
	return words, nil
}

func parseLayer(words []string, names Names) (Layer, error) {
	if len(words) == 0 {
		return Layer{}, fmt.Errorf("a layer without a name")
	}
	l := Layer{Name: words[0]}
	d, ok := defs[l.Name]
	if !ok {
		return l, fmt.Errorf("no layer is called %q", l.Name)
	}
	rest := words[1:]
	add := func(key string, k kind, word string) error {
		if word == "*" {
			return nil
		}
		v, err := canonical(k, word, names)
		if err != nil {
			return fmt.Errorf("%s %s: %w", l.Name, key, err)
		}
		l.set(key, v)
		return nil
	}
	if l.Name == "data" || l.Name == "pad" || l.Name == "trunc" {
		v, err := canonical(kText, strings.Join(rest, " "), names)
		l.set("is", v)
		return l, err
	}
	if d.src != "" && len(rest) >= 3 && rest[1] == ">" {
		if err := add(d.src, d.pair, rest[0]); err != nil {
			return l, err
		}
		if err := add(d.dst, d.pair, rest[2]); err != nil {
			return l, err
		}
		rest = rest[3:]
	}
	if d.typed != nil && len(rest) > 0 {
		word := rest[0]
		if n, ok := d.typed[word]; ok {
			word = strconv.Itoa(n)
		}
		if err := add("type", kNum, word); err != nil {
			return l, err
		}
		rest = rest[1:]
	}
	for len(rest) > 0 {
		key := rest[0]
		k, ok := d.keys[key]
		if flag, no := strings.CutPrefix(key, "no-"); no {
			_, ok = d.keys[flag]
			k = kFlag
		}
		if !ok {
			return l, fmt.Errorf("%s has no field %q", l.Name, key)
		}
		if k == kFlag { // "no-" of any field: it must be absent
			l.set(key, "")
			rest = rest[1:]
			continue
		}
		if len(rest) < 2 {
			return l, fmt.Errorf("%s %s: no value", l.Name, key)
		}
		word := rest[1]
		if n, ok := d.codes[word]; ok && key == "code" {
			word = strconv.Itoa(n)
		}
		if err := add(key, k, word); err != nil {
			return l, err
		}
		rest = rest[2:]
	}
	return l, nil
}

// canonical gives the one text that a value has.
func canonical(k kind, word string, names Names) (string, error) {
	switch k {
	case kNum:
		n, err := strconv.ParseUint(word, 0, 64)
		return strconv.FormatUint(n, 10), err
	case kSum:
		if word == "bad" {
			return word, nil
		}
		return canonical(kNum, word, names)
	case kHex:
		b, err := hex.DecodeString(word)
		return hex.EncodeToString(b), err
	case kMAC:
		switch {
		case names.MAC[word] != "":
			word = names.MAC[word]
		case word == "bcast":
			word = "ff:ff:ff:ff:ff:ff"
		case word == "0":
			word = "00:00:00:00:00:00"
		case strings.HasPrefix(word, "mcast:"):
			a, err := netip.ParseAddr(word[len("mcast:"):])
			if err != nil {
				return "", err
			}
			return macString(MulticastMAC(a)), nil
		}
		hw, err := net.ParseMAC(word)
		if err == nil && len(hw) != 6 {
			err = fmt.Errorf("%s is not 6 bytes", word)
		}
		return hw.String(), err
	case kIP4, kIP6, kIP:
		if k != kIP6 && names.IP4[word] != "" {
			word = names.IP4[word]
		} else if k != kIP4 && names.IP6[word] != "" {
			word = names.IP6[word]
		}
		a, err := netip.ParseAddr(word)
		if err == nil && (k == kIP4 && !a.Is4() || k == kIP6 && !a.Is6()) {
			err = fmt.Errorf("%s is of the other family", word)
		}
		return a.String(), err
	case kText:
		switch {
		case strings.HasPrefix(word, `"`), word == "":
			return word, nil
		case strings.HasPrefix(word, "hex "):
			b, err := hex.DecodeString(strings.ReplaceAll(word[4:], " ", ""))
			return "hex " + hex.EncodeToString(b), err
		}
		return canonical(kNum, word, names)
	}
	return word, nil
}

// MulticastMAC is the Ethernet address that a multicast group maps to (RFC 1112 6.4, RFC 2464 7).
func MulticastMAC(a netip.Addr) [6]byte {
	b := a.AsSlice()
	if a.Is4() {
		return [6]byte{0x01, 0x00, 0x5e, b[1] & 0x7f, b[2], b[3]}
	}
	return [6]byte{0x33, 0x33, b[12], b[13], b[14], b[15]}
}

func macString(mac [6]byte) string { return net.HardwareAddr(mac[:]).String() }
