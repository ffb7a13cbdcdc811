// SPDX-License-Identifier: BSD-3-Clause

package nlmsg

import (
	"bytes"
	"encoding/binary"
	"math"
	"syscall"
)

// Validate says how strictly a stream is checked (enum netlink_validation).
type Validate uint8

const (
	// ValidateTrailing refuses bytes left over at the end.
	ValidateTrailing Validate = 1 << iota
	// ValidateMaxType refuses types beyond the policy.
	ValidateMaxType
	// ValidateUnspec refuses attributes of which the policy says nothing.
	ValidateUnspec
	// ValidateStrictAttrs refuses numbers that are too long.
	ValidateStrictAttrs
	// ValidateNested wants NLA_F_NESTED exactly on nests.
	ValidateNested

	// Liberal is what old doits do (nlmsg_parse_deprecated).
	Liberal Validate = 0
	// DeprecatedStrict is what NETLINK_GET_STRICT_CHK makes of old gets
	// (nlmsg_parse_deprecated_strict).
	DeprecatedStrict = ValidateTrailing | ValidateMaxType
	// Strict is for what is new (nlmsg_parse).
	Strict = DeprecatedStrict | ValidateUnspec | ValidateStrictAttrs | ValidateNested
)

// Kind is the type of an attribute's payload (NLA_U32 and so on).
type Kind uint8

// The kinds. Unspec is what a type has of which the policy says nothing: any payload of at least
// Rule.Len bytes.
const (
	Unspec      Kind = iota
	U8               // 1 byte
	U16              // 2 bytes
	U32              // 4 bytes
	U64              // 8 bytes
	String           // at least 1 byte, at most Len without a NUL at the end; 0: any
	Flag             // no payload
	Msecs            // 8 bytes
	NestedAttrs      // attributes, checked against Rule.Nested when there is one
	NestedArray      // nests, each of which is checked against Rule.Nested
	NulString        // a string that must end in NUL
	Binary           // at most Len bytes; 0: any
	S8               // 1 byte
	S16              // 2 bytes
	S32              // 4 bytes
	S64              // 8 bytes
	Bitfield32       // struct nla_bitfield32 with no bit outside Rule.Mask
	Reject           // never allowed; Rule.Text says why
	BE16             // 2 bytes in network order
	BE32             // 4 bytes in network order
	Sint             // 4 or 8 bytes
	Uint             // 4 or 8 bytes
	kindMax
)

// exactLen is the length that numbers have; longer ones are let pass where old code did so.
var exactLen = [kindMax]int{
	U8: 1, U16: 2, U32: 4, U64: 8, S8: 1, S16: 2, S32: 4, S64: 8, BE16: 2, BE32: 4,
}

// minLen is the least length of each kind.
var minLen = [kindMax]int{
	U8: 1, U16: 2, U32: 4, U64: 8, S8: 1, S16: 2, S32: 4, S64: 8, BE16: 2, BE32: 4,
	Msecs: 8, NestedAttrs: AttrHdrLen,
}

// Check is what is asked of a value beyond its kind.
type Check uint8

// The checks. Limits of an unsigned kind are compared as uint64.
const (
	CheckNone  Check = iota
	CheckRange       // Min <= value <= Max; for Binary the length. NLA_POLICY_RANGE
	CheckMin         // Min <= value. NLA_POLICY_MIN
	CheckMax         // value <= Max. NLA_POLICY_MAX
	CheckMask        // no bit outside Mask. NLA_POLICY_MASK
	CheckExact       // Binary of exactly Len bytes. NLA_POLICY_EXACT_LEN
)

// Rule is what a policy says of one attribute (struct nla_policy).
type Rule struct {
	Kind   Kind
	Len    int     // bytes; see Kind
	Nested *Policy // for NestedAttrs and NestedArray
	Check  Check
	Min    int64
	Max    int64
	Mask   uint64
	Text   string // of Reject
	// Func is asked last (NLA_POLICY_VALIDATE_FN); it sets ext itself.
	Func func(a Attr, ext *Extack) error
}

// Policy is the rules for a set of attributes. It is never written after it was declared, except
// that recursive policies must be tied together at start-up.
type Policy struct {
	// StrictStart: from this type on all is checked as with Strict; 0: from none.
	StrictStart uint16
	// Attrs is indexed by type, so that its length is the highest known type and one:
	// []Rule{unix.RTA_OIF: {Kind: U32}}.
	Attrs []Rule
}

// The kernel's texts.
const (
	textPolicy   = "Attribute failed policy validation"
	textLen      = "invalid attribute length"
	textRange    = "integer out of range"
	textBinRange = "binary attribute size out of range"
)

// maxDepth is MAX_POLICY_RECURSION_DEPTH.
const maxDepth = 10

// CheckAttrs validates stream without indexing it (__nla_validate).
func CheckAttrs(stream []byte, off uint32, policy *Policy, how Validate, ext *Extack) error {
	return walk(stream, off, policy, how, ext, nil, 0)
}

// walk is __nla_validate_parse.
func walk(stream []byte, off uint32, policy *Policy, how Validate, ext *Extack, tb []Attr, depth int) error {
	if depth >= maxDepth {
		return ext.Fail(syscall.EINVAL, "allowed policy recursion depth exceeded")
	}
	for {
		a, rest, restOff, ok := NextAttr(stream, off)
		if !ok {
			break
		}
		stream, off = rest, restOff
		typ := a.Type()
		if typ == 0 || int(typ) >= len(policy.Attrs) {
			if how&ValidateMaxType != 0 {
				return ext.FailAttr(syscall.EINVAL, a, "Unknown attribute type")
			}
			continue
		}
		if err := validate(a, policy, how, ext, depth); err != nil {
			return err
		}
		if tb != nil {
			tb[typ] = a
		}
	}
	if len(stream) > 0 && how&ValidateTrailing != 0 {
		return ext.Fail(syscall.EINVAL, "bytes leftover after parsing attributes")
	}
	if len(stream) > 0 {
		ext.Warn("bytes leftover after parsing attributes")
	}
	return nil
}

// validate is validate_nla: the attribute's type is known to policy.
func validate(a Attr, policy *Policy, how Validate, ext *Extack, depth int) error {
	if policy.StrictStart != 0 && a.Type() >= policy.StrictStart {
		how |= Strict
	}
	r := &policy.Attrs[a.Type()]
	n := len(a.Data)

	if want := exactLen[r.Kind]; want != 0 && n != want && how&ValidateStrictAttrs != 0 {
		return ext.failRule(syscall.EINVAL, a, r, textLen)
	}
	if how&ValidateNested != 0 {
		nest := r.Kind == NestedAttrs || r.Kind == NestedArray
		switch {
		case nest && !a.IsNested():
			return ext.failRule(syscall.EINVAL, a, r, "NLA_F_NESTED is missing")
		case !nest && r.Kind != Unspec && a.IsNested():
			return ext.failRule(syscall.EINVAL, a, r, "NLA_F_NESTED not expected")
		}
	}

	switch r.Kind {
	case Reject:
		if r.Text != "" {
			return ext.FailAttr(syscall.EINVAL, a, r.Text)
		}
		return ext.failRule(syscall.EINVAL, a, r, textPolicy)

	case Flag:
		if n > 0 {
			return ext.failRule(syscall.ERANGE, a, r, textPolicy)
		}

	case Sint, Uint:
		if n != 4 && n != 8 {
			return ext.failRule(syscall.EINVAL, a, r, textLen)
		}

	case Bitfield32:
		if n != 8 {
			return ext.failRule(syscall.ERANGE, a, r, textPolicy)
		}
		if !validBitfield32(a, uint32(r.Mask)) {
			return ext.failRule(syscall.EINVAL, a, r, textPolicy)
		}

	case NulString:
		end := n
		if r.Len != 0 {
			end = min(n, r.Len+1)
		}
		if bytes.IndexByte(a.Data[:end], 0) < 0 {
			return ext.failRule(syscall.EINVAL, a, r, textPolicy)
		}
		if !stringFits(a.Data, r.Len) {
			return ext.failRule(syscall.ERANGE, a, r, textPolicy)
		}

	case String:
		if n < 1 || !stringFits(a.Data, r.Len) {
			return ext.failRule(syscall.ERANGE, a, r, textPolicy)
		}

	case Binary:
		if r.Check != CheckExact && r.Len != 0 && n > r.Len {
			return ext.failRule(syscall.ERANGE, a, r, textPolicy)
		}

	case NestedAttrs:
		if n == 0 {
			break // an empty nest is fine
		}
		if n < AttrHdrLen {
			return ext.failRule(syscall.ERANGE, a, r, textPolicy)
		}
		if r.Nested != nil {
			if err := walk(a.Data, a.Off+AttrHdrLen, r.Nested, how, ext, nil, depth+1); err != nil {
				return err // it says where inside
			}
		}

	case NestedArray:
		if n == 0 {
			break
		}
		if n < AttrHdrLen {
			return ext.failRule(syscall.ERANGE, a, r, textPolicy)
		}
		if r.Nested != nil {
			if err := validateArray(a, r, how, ext, depth); err != nil {
				return err
			}
		}

	case Unspec:
		if how&ValidateUnspec != 0 {
			return ext.FailAttr(syscall.EINVAL, a, "Unsupported attribute")
		}
		if n < r.Len {
			return ext.failRule(syscall.ERANGE, a, r, textPolicy)
		}

	default:
		least := r.Len
		if least == 0 {
			least = minLen[r.Kind]
		}
		if n < least {
			return ext.failRule(syscall.ERANGE, a, r, textPolicy)
		}
	}

	if err := r.checkValue(a, how, ext); err != nil {
		return err
	}
	if r.Func != nil {
		return r.Func(a, ext)
	}
	return nil
}

// stringFits says whether b without one NUL at its end has at most limit bytes; 0 is no limit.
func stringFits(b []byte, limit int) bool {
	n := len(b)
	if n < 1 {
		return false
	}
	if limit == 0 {
		return true
	}
	if b[n-1] == 0 {
		n--
	}
	return n <= limit
}

// validBitfield32 wants no selector and no value outside valid, and no value outside selector.
func validBitfield32(a Attr, valid uint32) bool {
	value := binary.NativeEndian.Uint32(a.Data)
	selector := binary.NativeEndian.Uint32(a.Data[4:])
	return selector&^valid == 0 && value&^valid == 0 && value&^selector == 0
}

// validateArray is nla_validate_array: nests of any type, each checked against one policy.
func validateArray(a Attr, r *Rule, how Validate, ext *Extack, depth int) error {
	return a.Each(func(el Attr) error {
		switch {
		case el.Len() == 0:
			return nil
		case el.Len() < AttrHdrLen:
			return ext.failRule(syscall.ERANGE, el, r, "Array element too short")
		}
		return walk(el.Data, el.Off+AttrHdrLen, r.Nested, how, ext, nil, depth+1)
	})
}

// checkValue is the second half of validate_nla.
func (r *Rule) checkValue(a Attr, how Validate, ext *Extack) error {
	switch r.Check {
	case CheckNone:
		return nil
	case CheckExact:
		// As NLA_VALIDATE_RANGE_WARN_TOO_LONG: old code let longer ones pass.
		switch {
		case len(a.Data) > r.Len && how&ValidateStrictAttrs != 0:
			return ext.failRule(syscall.EINVAL, a, r, textLen)
		case len(a.Data) < r.Len:
			return ext.failRule(syscall.ERANGE, a, r, textBinRange)
		}
		return nil
	case CheckMask:
		if r.unsigned(a)&^r.Mask != 0 {
			return ext.failRule(syscall.EINVAL, a, r, "reserved bit set")
		}
		return nil
	}
	if r.inRange(a) {
		return nil
	}
	if r.Kind == Binary {
		return ext.failRule(syscall.ERANGE, a, r, textBinRange)
	}
	return ext.failRule(syscall.ERANGE, a, r, textRange)
}

func (r *Rule) inRange(a Attr) bool {
	lo, hi := r.Check != CheckMax, r.Check != CheckMin
	if r.signed() {
		v := r.signedValue(a)
		return (!lo || v >= r.Min) && (!hi || v <= r.Max)
	}
	v := r.unsigned(a)
	return (!lo || v >= uint64(r.Min)) && (!hi || v <= uint64(r.Max))
}

func (r *Rule) signed() bool {
	switch r.Kind {
	case S8, S16, S32, S64, Sint:
		return true
	}
	return false
}

// unsigned is the value that a check compares: of Binary the length.
func (r *Rule) unsigned(a Attr) uint64 {
	switch r.Kind {
	case U8:
		return uint64(a.U8())
	case U16:
		return uint64(a.U16())
	case U32:
		return uint64(a.U32())
	case U64, Msecs:
		return a.U64()
	case BE16:
		return uint64(a.U16BE())
	case BE32:
		return uint64(a.U32BE())
	case Uint:
		if len(a.Data) == 4 {
			return uint64(a.U32())
		}
		return a.U64()
	case Binary:
		return uint64(len(a.Data))
	}
	return math.MaxUint64
}

func (r *Rule) signedValue(a Attr) int64 {
	switch r.Kind {
	case S8:
		return int64(int8(a.U8()))
	case S16:
		return int64(int16(a.U16()))
	case S32:
		return int64(int32(a.U32()))
	case Sint:
		if len(a.Data) == 4 {
			return int64(int32(a.U32()))
		}
	}
	return int64(a.U64())
}
