// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// pcapFrames is how many packets the source of the stall scenarios repeats.
const pcapFrames = 4096

// writePcap writes 64-byte IPv4 packets to addresses all over the unicast space.
func writePcap(dir string) (string, error) {
	var b bytes.Buffer
	le := func(v ...uint32) {
		for _, x := range v {
			b.Write(binary.LittleEndian.AppendUint32(nil, x))
		}
	}
	le(0xa1b2c3d4, 4<<16|2, 0, 0, 65535, 1)
	random := rand.New(rand.NewPCG(1, 2))
	for range pcapFrames {
		frame := make([]byte, 60)
		copy(frame, []byte{2, 0, 0, 0, 1, 1, 2, 0, 0, 0, 1, 2, 8, 0})
		ip := frame[14:]
		copy(ip, []byte{0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 198, 18, 0, 2})
		binary.BigEndian.PutUint32(ip[16:], 11<<24+random.Uint32N(100<<24))
		binary.BigEndian.PutUint16(ip[10:], checksum(ip[:20]))
		binary.BigEndian.PutUint16(ip[20:], uint16(1024+random.Uint32N(60000)))
		copy(ip[22:], []byte{0, 9, 0, 26})
		le(0, 0, uint32(len(frame)), uint32(len(frame)))
		b.Write(frame)
	}
	path := filepath.Join(dir, "skua-latency.pcap")
	return path, os.WriteFile(path, b.Bytes(), 0o644)
}

// checksum is that of RFC 1071 over an even number of bytes.
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
