// SPDX-License-Identifier: BSD-3-Clause

package nlmsg

import "syscall"

// Attrs is a parsed attribute stream, indexed by type: the tb[] of the kernel. When a type occurs
// twice the last one counts. An Attrs may be parsed into again and again without allocating.
//
// Its readers give the zero value for an attribute that is not there. One that is there and too
// short for what is read from it sets the sticky error, which Err returns: so a handler may read
// all that it wants and ask once.
type Attrs struct {
	tb  []Attr
	ext *Extack
	err error
}

// Parse validates stream, which begins off bytes into its message, against policy and indexes it
// (__nla_parse). ext may be nil. The errno and texts are the kernel's; after an error nothing is
// present.
func (t *Attrs) Parse(stream []byte, off uint32, policy *Policy, how Validate, ext *Extack) error {
	t.reset(policy, ext)
	if err := walk(stream, off, policy, how, ext, t.tb, 0); err != nil {
		clear(t.tb)
		t.err = err
		return err
	}
	return nil
}

// ParseNested is Parse for the attributes in a. With the strict bits of how an attribute that
// lacks NLA_F_NESTED is refused (nla_parse_nested), else not (nla_parse_nested_deprecated). For
// an a that is not present everything is absent.
func (t *Attrs) ParseNested(a Attr, policy *Policy, how Validate, ext *Extack) error {
	if a.present && how&ValidateNested != 0 && !a.IsNested() {
		t.reset(policy, ext)
		t.err = ext.FailAttr(syscall.EINVAL, a, "NLA_F_NESTED is missing")
		return t.err
	}
	return t.Parse(a.Data, a.Off+AttrHdrLen, policy, how, ext)
}

func (t *Attrs) reset(policy *Policy, ext *Extack) {
	t.ext, t.err = ext, nil
	if n := len(policy.Attrs); n > cap(t.tb) {
		t.tb = make([]Attr, n)
	} else {
		t.tb = t.tb[:n]
		clear(t.tb)
	}
}

// Len is one more than the highest type that can be present.
func (t *Attrs) Len() int { return len(t.tb) }

// Err is the first error of Parse or of a reader.
func (t *Attrs) Err() error { return t.err }

// Get is the attribute of type typ.
func (t *Attrs) Get(typ uint16) Attr {
	if int(typ) >= len(t.tb) {
		return Attr{}
	}
	return t.tb[typ]
}

// Has says whether an attribute of type typ was there.
func (t *Attrs) Has(typ uint16) bool { return t.Get(typ).present }

// sized is Get for a payload of at least n bytes.
func (t *Attrs) sized(typ uint16, n int) Attr {
	a := t.Get(typ)
	if a.present && len(a.Data) < n {
		if t.err == nil {
			t.err = t.ext.FailAttr(syscall.ERANGE, a, textPolicy)
		}
		return Attr{}
	}
	return a
}

// U8 reads a byte.
func (t *Attrs) U8(typ uint16) uint8 { return t.sized(typ, 1).U8() }

// U16 reads a 16-bit number in host order.
func (t *Attrs) U16(typ uint16) uint16 { return t.sized(typ, 2).U16() }

// U32 reads a 32-bit number in host order.
func (t *Attrs) U32(typ uint16) uint32 { return t.sized(typ, 4).U32() }

// U64 reads a 64-bit number in host order.
func (t *Attrs) U64(typ uint16) uint64 { return t.sized(typ, 8).U64() }

// U16BE reads a 16-bit number in network order.
func (t *Attrs) U16BE(typ uint16) uint16 { return t.sized(typ, 2).U16BE() }

// U32BE reads a 32-bit number in network order.
func (t *Attrs) U32BE(typ uint16) uint32 { return t.sized(typ, 4).U32BE() }

// U64BE reads a 64-bit number in network order.
func (t *Attrs) U64BE(typ uint16) uint64 { return t.sized(typ, 8).U64BE() }

// String reads up to the first NUL.
func (t *Attrs) String(typ uint16) string { return t.Get(typ).String() }

// Bytes is the payload; nil when the attribute is absent.
func (t *Attrs) Bytes(typ uint16) []byte { return t.Get(typ).Data }

// BytesN is the payload's first n bytes; nil when the attribute is absent or shorter, and the
// latter is an error.
func (t *Attrs) BytesN(typ uint16, n int) []byte {
	if a := t.sized(typ, n); a.present {
		return a.Data[:n]
	}
	return nil
}
