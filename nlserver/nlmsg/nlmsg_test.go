// SPDX-License-Identifier: BSD-3-Clause

package nlmsg

import (
	"bytes"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

var inner = Policy{Attrs: []Rule{
	1: {Kind: U8, Check: CheckMax, Max: 3},
	2: {Kind: Reject, Text: "never this"},
}}

var policy = Policy{
	StrictStart: 20,
	Attrs: []Rule{
		1:  {Kind: U32},
		2:  {Kind: String, Len: 3},
		3:  {Kind: NestedAttrs, Nested: &inner},
		4:  {Kind: Flag},
		5:  {Kind: Binary, Check: CheckExact, Len: 6},
		6:  {Kind: S8, Check: CheckRange, Min: -2, Max: 2},
		7:  {Kind: U16, Check: CheckMask, Mask: 0x0f},
		8:  {Kind: NulString, Len: 3},
		9:  {Kind: Bitfield32, Mask: 3},
		10: {Kind: BE16, Check: CheckMin, Min: 256},
		11: {Kind: Uint, Check: CheckMax, Max: 9},
		12: {Kind: NestedArray, Nested: &inner},
		13: {Kind: Reject},
		14: {},
		15: {Kind: Binary, Len: 2},
		16: {Kind: U8, Func: func(a Attr, ext *Extack) error {
			if a.U8() == 7 {
				return ext.FailAttr(unix.EDOM, a, "not seven")
			}
			return nil
		}},
		20: {Kind: U32},
	},
}

// attr is one attribute's bytes, padded.
func attr(typ uint16, payload string) []byte {
	e := NewEncoder(nil, 0)
	e.Bytes(typ, []byte(payload))
	return e.Buffer()
}

func TestPolicies(t *testing.T) {
	const base = 16
	for _, tc := range []struct {
		name  string
		in    []byte
		how   Validate
		errno error
		text  string
		off   uint32
	}{
		{"a number", attr(1, "abcd"), Strict, nil, "", 0},
		{"a short number", attr(1, "abc"), Liberal, unix.ERANGE, textPolicy, base},
		{"a short number, strictly", attr(1, "abc"), Strict, unix.EINVAL, textLen, base},
		{"a long number", attr(1, "abcde"), Liberal, nil, "", 0},
		{"a long number, strictly", attr(1, "abcde"), Strict, unix.EINVAL, textLen, base},
		{"a long number that is new", attr(20, "abcde"), Liberal, unix.EINVAL, textLen, base},
		{"a string", attr(2, "abc\x00"), Strict, nil, "", 0},
		{"a string without end", attr(2, "abc"), Strict, nil, "", 0},
		{"a long string", attr(2, "abcd"), Strict, unix.ERANGE, textPolicy, base},
		{"an empty string", attr(2, ""), Strict, unix.ERANGE, textPolicy, base},
		{"a string that must end", attr(8, "abc"), Liberal, unix.EINVAL, textPolicy, base},
		{"one that ends", attr(8, "abc\x00"), Liberal, nil, "", 0},
		{"a flag with payload", attr(4, "x"), Liberal, unix.ERANGE, textPolicy, base},
		{"a MAC", attr(5, "abcdef"), Strict, nil, "", 0},
		{"a short MAC", attr(5, "abcde"), Liberal, unix.ERANGE, textBinRange, base},
		{"a long MAC", attr(5, "abcdefg"), Liberal, nil, "", 0},
		{"a long MAC, strictly", attr(5, "abcdefg"), Strict, unix.EINVAL, textLen, base},
		{"within a signed range", attr(6, "\xfe"), Strict, nil, "", 0},
		{"below it", attr(6, "\xfd"), Strict, unix.ERANGE, textRange, base},
		{"a bit outside the mask", attr(7, "\x10\x00"), Strict, unix.EINVAL, "reserved bit set", base},
		{"bits of a bitfield", attr(9, "\x01\x00\x00\x00\x03\x00\x00\x00"), Strict, nil, "", 0},
		{"one that is not selected", attr(9, "\x02\x00\x00\x00\x01\x00\x00\x00"), Strict, unix.EINVAL, textPolicy, base},
		{"one that is none", attr(9, "\x00\x00\x00\x00\x04\x00\x00\x00"), Strict, unix.EINVAL, textPolicy, base},
		{"big-endian", attr(10, "\x01\x00"), Strict, nil, "", 0},
		{"big-endian below", attr(10, "\x00\xff"), Strict, unix.ERANGE, textRange, base},
		{"a number of either length", attr(11, "\x09\x00\x00\x00\x00\x00\x00\x00"), Strict, nil, "", 0},
		{"of neither", attr(11, "\x09\x00"), Liberal, unix.EINVAL, textLen, base},
		{"refused", attr(13, "x"), Liberal, unix.EINVAL, textPolicy, base},
		{"unspecified", attr(14, "x"), Liberal, nil, "", 0},
		{"unspecified, strictly", attr(14, "x"), Strict, unix.EINVAL, "Unsupported attribute", base},
		{"too many bytes", attr(15, "xyz"), Liberal, unix.ERANGE, textPolicy, base},
		{"asked of a function", attr(16, "\x07"), Liberal, unix.EDOM, "not seven", base},
		{"unknown", attr(21, "x"), Liberal, nil, "", 0},
		{"unknown, strictly", attr(21, "x"), DeprecatedStrict, unix.EINVAL, "Unknown attribute type", base},
		{"type 0, strictly", attr(0, "x"), DeprecatedStrict, unix.EINVAL, "Unknown attribute type", base},
		{"bytes left over", append(attr(1, "abcd"), 1, 2, 3), Liberal, nil,
			"bytes leftover after parsing attributes", 0},
		{"bytes left over, strictly", append(attr(1, "abcd"), 1, 2, 3), DeprecatedStrict, unix.EINVAL,
			"bytes leftover after parsing attributes", 0},
		{"a nest without flag", attr(3, string(attr(1, "\x03"))), Liberal, nil, "", 0},
		{"a nest without flag, strictly", attr(3, ""), Strict, unix.EINVAL, "NLA_F_NESTED is missing", base},
		{"a flag without nest, strictly", attr(1|Nested, "abcd"), Strict, unix.EINVAL,
			"NLA_F_NESTED not expected", base},
		{"an empty nest", attr(3|Nested, ""), Strict, nil, "", 0},
		{"a nest too short", attr(3|Nested, "ab"), Strict, unix.ERANGE, textPolicy, base},
		{"wrong in a nest", append(attr(1, "abcd"), attr(3|Nested, string(append(attr(1, "\x01"), attr(1, "\x04")...)))...),
			Strict, unix.ERANGE, textRange, base + 8 + 4 + 8},
		{"refused in a nest", attr(3, string(attr(2, ""))), Liberal, unix.EINVAL, "never this", base + 4},
		{"wrong in an array", attr(12|Nested, string(attr(1|Nested, string(attr(1, "\x04"))))), Strict,
			unix.ERANGE, textRange, base + 8},
		{"an array's short element", attr(12|Nested, string(attr(1, "ab"))), Strict, unix.ERANGE,
			"Array element too short", base + 4},
	} {
		var ext Extack
		var tb Attrs
		err := tb.Parse(tc.in, base, &policy, tc.how, &ext)
		if err != tc.errno || ext.Msg != tc.text || ext.BadAttr != tc.off {
			t.Errorf("%s: %v, %q at %d; want %v, %q at %d", tc.name, err, ext.Msg, ext.BadAttr,
				tc.errno, tc.text, tc.off)
		}
		if again := CheckAttrs(tc.in, base, &policy, tc.how, nil); again != err {
			t.Errorf("%s: without a table it is %v", tc.name, again)
		}
	}
}

func TestNestsInNestsEnd(t *testing.T) {
	loop := Policy{Attrs: []Rule{1: {Kind: NestedAttrs}}}
	loop.Attrs[1].Nested = &loop
	b := attr(1, "")
	for range 20 {
		b = attr(1, string(b))
	}
	var ext Extack
	err := CheckAttrs(b, 0, &loop, Liberal, &ext)
	if err != unix.EINVAL || ext.Msg != "allowed policy recursion depth exceeded" {
		t.Errorf("%v, %q", err, ext.Msg)
	}
}

func TestReadersRememberTheFirstError(t *testing.T) {
	in := append(attr(14, "ab"), attr(1, "abcd")...)
	var ext Extack
	var tb Attrs
	if err := tb.Parse(in, 16, &policy, Liberal, &ext); err != nil {
		t.Fatal(err)
	}
	if tb.U32(1) == 0 || tb.Err() != nil || tb.U16(9) != 0 || tb.Has(9) || tb.Has(999) {
		t.Error("what is there is not read, or what is not is")
	}
	if tb.U32(14) != 0 || tb.BytesN(14, 3) != nil || tb.Err() != unix.ERANGE || ext.BadAttr != 16 {
		t.Errorf("a short number: %v at %d", tb.Err(), ext.BadAttr)
	}
	var nest Attrs
	if nest.ParseNested(tb.Get(1), &inner, Strict, &ext) != unix.EINVAL || ext.Msg != "NLA_F_NESTED is missing" {
		t.Errorf("a nest without flag: %q", ext.Msg)
	}
	if nest.ParseNested(Attr{}, &inner, Strict, &ext) != nil || nest.Has(1) {
		t.Error("an absent nest is not empty")
	}
}

func TestEncoderTakesBackWhatDoesNotFit(t *testing.T) {
	e := NewEncoder(nil, 60)
	e.Begin(20, unix.NLM_F_MULTI, 1, 2)
	e.U32(1, 7)
	if !e.End() || e.Len() != 24 {
		t.Fatalf("the first message takes %d bytes", e.Len())
	}
	e.Begin(20, 0, 1, 2)
	nest := e.Nest(3)
	e.Bytes(1, make([]byte, 40))
	copy(e.Raw(4), "lost")
	copy(e.Payload(1, 4), "lost")
	e.EndNest(nest)
	if !e.Full() || e.End() || e.Len() != 24 || e.End() {
		t.Errorf("a message that does not fit leaves %d bytes", e.Len())
	}
	e.Begin(21, 0, 1, 2)
	nest = e.Nest(3)
	e.U8(1, 1)
	e.CancelNest(nest)
	if !e.End() || e.Len() != 40 {
		t.Errorf("after it one that fits ends at %d", e.Len())
	}
	e.Reset(nil, 0)
	e.Begin(20, 0, 1, 2)
	nest = e.Nest(3)
	for range 2 {
		e.Bytes(1, make([]byte, 40000))
	}
	e.EndNest(nest)
	if e.End() || e.Len() != 0 {
		t.Error("a nest of 80,000 bytes has a length")
	}
}

func TestEncodingAllocatesNothing(t *testing.T) {
	e := NewEncoder(make([]byte, 0, 4096), 4096)
	name := strings.Repeat("x", 15)
	n := testing.AllocsPerRun(100, func() {
		e.Reset(e.Buffer()[:0], 4096)
		e.Begin(20, 0, 1, 2)
		e.Raw(12)[0] = 1
		e.U32(1, 1)
		e.String(2, name)
		nest := e.Nest(3)
		e.U8(1, 1)
		e.U64BE(2, 1)
		e.EndNest(nest)
		e.End()
	})
	if n != 0 {
		t.Errorf("a message costs %v allocations", n)
	}
}

func TestAckCarriesWhatItMust(t *testing.T) {
	e := NewEncoder(nil, 0)
	e.Begin(30, 0, 5, 0)
	e.U8(1, 9)
	e.End()
	req := bytes.Clone(e.Buffer())
	rule := Rule{Kind: U32, Check: CheckMax, Max: 5}
	ext := &Extack{Msg: "no", BadAttr: 16, Policy: &rule, MissType: 2, MissNest: 20, Cookie: []byte("c")}
	for _, tc := range []struct {
		name  string
		errno syscall.Errno
		capp  bool
		ext   *Extack
		flags uint16
		len   uint32
		tlvs  []uint16
	}{
		{"success", 0, false, nil, Capped, 36, nil},
		{"a warning", 0, false, ext, Capped | AckTLVs, 36 + 8 + 8, []uint16{1, 3}},
		{"failure", unix.EINVAL, false, nil, 0, 44, nil},
		{"capped", unix.EINVAL, true, &Extack{}, Capped, 36, nil},
		{"explained", unix.EINVAL, true, ext, Capped | AckTLVs, 36 + 16 + 8 + (4 + 12 + 12 + 8) + 16,
			[]uint16{1, 3, 2, 4, 5, 6}},
	} {
		e.Reset(nil, 0)
		e.Ack(req, 77, tc.errno, tc.capp, tc.ext)
		h, msg, rest, ok := Next(e.Buffer())
		if !ok || len(rest) > 0 || h.Flags != tc.flags || h.Len != tc.len || h.PID != 77 || h.Seq != 5 {
			t.Fatalf("%s: %+v, want flags %#x, length %d", tc.name, h, tc.flags, tc.len)
		}
		at := 36
		if h.Flags&Capped == 0 {
			at = 44
		}
		var tlvs []uint16
		Each(msg[at:], 0, func(a Attr) error { tlvs = append(tlvs, a.Type()); return nil })
		if len(tlvs) != len(tc.tlvs) {
			t.Errorf("%s: attributes %v, want %v", tc.name, tlvs, tc.tlvs)
		}
		for i := range tlvs {
			if tlvs[i] != tc.tlvs[i] {
				t.Errorf("%s: attributes %v, want %v", tc.name, tlvs, tc.tlvs)
			}
		}
	}
}

// FuzzAttrs decodes any bytes against the policy; what was decoded is encoded again, and decodes
// to the same.
func FuzzAttrs(f *testing.F) {
	f.Add(attr(1, "abcd"), uint8(Strict))
	f.Add(append(attr(3|Nested, string(attr(1, "\x01"))), attr(2, "x")...), uint8(Liberal))
	f.Add([]byte{3, 0, 1, 0}, uint8(Liberal))
	f.Add([]byte{0xff, 0xff, 1, 0, 5, 6}, uint8(DeprecatedStrict))
	f.Fuzz(func(t *testing.T, in []byte, how uint8) {
		var ext, ext2 Extack
		var tb, tb2 Attrs
		err := tb.Parse(in, 16, &policy, Validate(how), &ext)
		if int(ext.BadAttr) >= 16+max(len(in), 1) {
			t.Fatalf("offset %d is outside of %d bytes", ext.BadAttr, len(in))
		}
		if err != nil {
			return
		}
		e := NewEncoder(nil, 0)
		err = Each(in, 16, func(a Attr) error {
			if int(a.Off)-16+AttrHdrLen+a.Len() > len(in) {
				t.Fatalf("attribute at %d of %d bytes ends behind the end", a.Off, a.Len())
			}
			e.Bytes(a.RawType, a.Data)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := tb2.Parse(e.Buffer(), 16, &policy, Validate(how), &ext2); err != nil {
			t.Fatalf("encoded again it is refused: %v, %q", err, ext2.Msg)
		}
		for i := range uint16(tb.Len()) {
			a, b := tb.Get(i), tb2.Get(i)
			if a.Present() != b.Present() || a.RawType != b.RawType || !bytes.Equal(a.Data, b.Data) {
				t.Fatalf("attribute %d: %v, then %v", i, a, b)
			}
		}
	})
}

func BenchmarkEncodeRoute(b *testing.B) {
	e := NewEncoder(make([]byte, 0, 32768), 32768)
	for b.Loop() {
		e.Begin(unix.RTM_NEWROUTE, unix.NLM_F_MULTI, 1, 2)
		e.Raw(12)[0] = unix.AF_INET
		e.U32(unix.RTA_TABLE, 254)
		e.U32BE(unix.RTA_DST, 1)
		e.U32(unix.RTA_PRIORITY, 20)
		e.U32BE(unix.RTA_GATEWAY, 1)
		e.U32(unix.RTA_OIF, 2)
		if !e.End() {
			e.Reset(e.Buffer()[:0], 32768)
		}
	}
}
