// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// nltalk is the program that makes the calls of a conversation.
var nltalk = sync.OnceValues(func() (string, error) {
	lib, err := shimLib()
	if err != nil {
		return "", err
	}
	out := filepath.Join(filepath.Dir(lib), "nltalk")
	return out, compile([]string{"-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", "-o", out,
		"testdata/nltalk.c"})
})

// talk has a conversation with the server and gives what nltalk wrote.
func (w *world) talk(script string) string {
	w.t.Helper()
	prog, err := nltalk()
	if err != nil {
		w.t.Fatal(err)
	}
	out, code := w.run(script, prog)
	if code != 0 {
		w.t.Fatalf("nltalk: exit code %d\n%s", code, out)
	}
	return out
}

// talkToKernel has it with the kernel, in a network namespace of its own.
func talkToKernel(t *testing.T, script string) string {
	t.Helper()
	prog, err := nltalk()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(prog)
	cmd.Stdin = strings.NewReader(script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EINVAL) {
		t.Skipf("a network namespace to compare with cannot be made: %v", err)
	}
	if err != nil {
		t.Fatalf("nltalk: %v\n%s", err, out)
	}
	return string(out)
}

// msg is a message in hexadecimal: a header with sequence number 7 and the true length, and the
// payload, whose spaces do not count.
func msg(typ, flags uint16, payload string) string {
	raw, err := hex.DecodeString(strings.ReplaceAll(payload, " ", ""))
	if err != nil {
		panic(err)
	}
	return msgLen(16+uint32(len(raw)), typ, flags, payload)
}

// msgLen is msg with a length of its own.
func msgLen(n uint32, typ, flags uint16, payload string) string {
	var h [16]byte
	binary.NativeEndian.PutUint32(h[:], n)
	binary.NativeEndian.PutUint16(h[4:], typ)
	binary.NativeEndian.PutUint16(h[6:], flags)
	h[8] = 7
	return hex.EncodeToString(h[:]) + strings.ReplaceAll(payload, " ", "")
}

const (
	fReq  = unix.NLM_F_REQUEST
	fAck  = unix.NLM_F_REQUEST | unix.NLM_F_ACK
	fDump = unix.NLM_F_REQUEST | unix.NLM_F_DUMP

	noIfi = "00000000 00000000 00000000 00000000"
	loIfi = "00000000 01000000 00000000 00000000"
)

// conversations are had with the kernel and with the toy, and must be alike to the byte. They
// touch what af_netlink, rtnetlink's dispatch and the attribute policies decide.
var conversations = map[string]string{
	"names and binding": `
		socket 3 0
		name
		bind 0 0
		name
		bind 0 0
		bind 77 0
		get 1 3
		get 1 38
		get 1 39
		socket 2 0
		get 1 3
		bind 0x551 0x440
		name
		socket 3 0
		bind 0x551 0
		bind 0 1
		name
		bind 0 0
		name
		peer
		connect 0 0
		peer
		connect 42 0x6
		peer
		close
		close`,

	"a portid is free when its socket is closed": `
		socket 3 0
		bind 0x700 0
		close
		socket 3 0
		bind 0x700 0
		close
		socket 3 0
		bind 0x700 0
		close
		socket 3 0
		bind 0 0
		name
		close
		socket 3 0
		bind 0 0
		name
		dup
		use 4
		close
		socket 3 0
		bind 0 0
		name`,

	"sockets that are not there": `
		socket 1 0
		socket 5 0
		socket 3 32
		socket 3 -1
		socket 3 99`,

	"options": `
		socket 3 0
		get 270 1
		get 270 3
		opt 270 3 1
		get 270 3
		get 270 10
		opt 270 10 5
		get 270 10
		opt 270 12 1
		get 270 12
		opt 270 12 0
		get 270 12
		opt 270 5 1
		get 270 5
		opt 270 4 1
		get 270 4
		opt 270 8 1
		get 270 8
		opt 270 99 1
		get 270 99
		opt 1 8 5000
		get 1 8
		opt 1 8 1
		get 1 8
		opt 1 7 1
		get 1 7
		opt 1 8 100000000
		get 1 8
		opt 1 33 3000000
		get 1 8
		opt 1 16 1
		get 1 16
		get 1 4
		opt 6 1 1`,

	"groups": `
		socket 3 0
		memberships
		opt 270 1 1
		opt 270 1 7
		opt 270 1 34
		memberships
		name
		opt 270 2 7
		memberships
		opt 270 2 7
		opt 270 1 0
		opt 270 1 5000
		bind 0 0x10
		memberships
		name`,

	"control messages and what is no request": `
		socket 3 0
		send ` + msg(1, fReq, "") + `
		recv 4096 0x40
		send ` + msg(1, fAck, "") + `
		recv 4096 0x40
		send ` + msg(15, fAck, "01020304") + `
		recv 4096 0x40
		send ` + msg(unix.RTM_GETLINK, 0, loIfi) + `
		recv 4096 0x40
		send ` + msg(unix.RTM_GETLINK, unix.NLM_F_ACK, loIfi) + `
		recv 4096 0x40`,

	"types and families": `
		socket 3 0
		send ` + msg(124, fReq, loIfi) + `
		recv 4096 0x40
		send ` + msg(0xffff, fAck, loIfi) + `
		recv 4096 0x40
		send ` + msg(unix.RTM_GETLINK, fReq, "") + `
		recv 4096 0x40
		send ` + msg(unix.RTM_GETLINK, fAck, "") + `
		recv 4096 0x40
		send ` + msg(119, fAck, "00000000") + `
		recv 4096 0x40
		send ` + msg(unix.RTM_NEWROUTE, fAck, "30000000 00000000 00000000") + `
		recv 4096 0x40
		send ` + msg(unix.RTM_NEWROUTE+3, fAck, "02000000 00000000 00000000") + `
		recv 4096 0x40`,

	"lengths that lie": `
		socket 3 0
		send 00
		recv 4096 0x40
		send 1000000012000500070000
		recv 4096 0x40
		send ` + msgLen(0, unix.RTM_GETLINK, fAck, loIfi) + `
		recv 4096 0x40
		send ` + msgLen(15, unix.RTM_GETLINK, fAck, loIfi) + `
		recv 4096 0x40
		send ` + msgLen(33, unix.RTM_GETLINK, fAck, loIfi) + `
		recv 4096 0x40
		send ` + msgLen(0xffffffff, unix.RTM_GETLINK, fAck, loIfi) + `
		recv 4096 0x40
		send ` + msg(1, fAck, "") + msgLen(0, 0, 0, "") + msg(1, fAck, "") + `
		recv 4096 0x40
		recv 4096 0x40
		send ` + msg(1, fAck, "01") + `000000` + msg(15, fAck, "") + `
		recv 4096 0x40
		recv 4096 0x40
		send ` + msg(1, fAck, "01") + `
		recv 4096 0x40
		send ` + msg(124, fReq, "0102030405") + `
		recv 4096 0x40
		send ` + msg(unix.RTM_GETLINK, fReq, "00000000 0100") + `
		recv 4096 0x40`,

	"what an error carries": `
		socket 3 0
		send ` + msg(124, fReq, "01020304 05060708") + `
		recv 4096 0x40
		recv 20 0x40
		opt 270 10 1
		send ` + msg(124, fReq, "01020304 05060708") + `
		recv 4096 0x40
		opt 270 11 1
		send ` + msg(unix.RTM_DELROUTE, fAck|0x200, "02000000 00000000 00000000") + `
		recv 4096 0x40
		opt 270 10 0
		send ` + msg(unix.RTM_DELROUTE, fAck|0x200, "02000000 00000000 00000000") + `
		recv 4096 0x40`,

	"attributes against the policy": `
		socket 3 0
		opt 270 11 1
		send ` + msg(unix.RTM_GETLINK, fReq, loIfi+"06000400 05dc0000") + `
		recv 4096 0x40
		send ` + msg(unix.RTM_GETLINK, fReq, loIfi+"08001200 00000000 05001d00 00000000") + `
		recv 4096 0x40
		send ` + msg(unix.RTM_GETLINK, fReq, noIfi+"18000300 30313233 34353637 38393031 32333435 36373839") + `
		recv 4096 0x40
		send ` + msg(unix.RTM_GETLINK, fReq, noIfi+"04000300") + `
		recv 4096 0x40
		send ` + msg(unix.RTM_GETLINK, fReq, noIfi+"07000300 6c6f7a00") + `
		recv 4096 0x40
		opt 270 10 1
		send ` + msg(unix.RTM_GETLINK, fReq, noIfi+"06000400 05dc0000") + `
		recv 4096 0x40
		opt 270 11 0
		send ` + msg(unix.RTM_GETLINK, fReq, noIfi+"06000400 05dc0000") + `
		recv 4096 0x40`,

	"strict checking": `
		socket 3 0
		opt 270 11 1
		opt 270 12 1
		send ` + msg(unix.RTM_GETLINK, fReq, loIfi+"0800ff01 00000000") + `
		recv 4096 0x40
		send ` + msg(unix.RTM_GETLINK, fReq, loIfi+"010203") + `
		recv 4096 0x40`,

	"several messages in a send": `
		socket 3 0
		send ` + msg(1, fAck, "") + msg(124, fReq, loIfi) + msg(1, fReq, "") + msg(15, fAck, "") + `
		recv 4096 0x40
		recv 4096 0x40
		recv 4096 0x40
		recv 4096 0x40`,

	"peeking and truncation": `
		socket 3 0
		send ` + msg(124, fReq, loIfi) + `
		poll 1
		recv 0 0x62
		recv 0 0x42
		recv 20 0x42
		recv 20 0x62
		poll 5
		recv 10 0x40
		recv 10 0x40
		poll 5`,

	"sending to others": `
		socket 3 0
		bind 0 0
		sendto 0 0 ` + msg(1, fAck, "") + `
		recv 4096 0x40
		sendto 4242 0 ` + msg(1, fAck, "") + `
		socket 3 0
		bind 1234 0x2
		use 0
		sendto 1234 0 ` + msg(1, fAck, "") + `
		sendto 0 2 ` + msg(1, fReq, "") + `
		use 1
		opt 270 3 1
		recv 4096 0x40
		recv 4096 0x40
		recv 4096 0x40`,

	"credentials and packet information": `
		socket 3 0
		opt 1 16 1
		opt 270 3 1
		send ` + msg(1, fAck, "") + `
		recv 4096 0x40`,

	"more acknowledgements than there is room for": `
		socket 3 0
		opt 1 8 1
		repeat 500 ` + msg(1, fAck, "") + `
		poll 1
		poll 1
		get 1 4
		get 1 4
		poll 1
		recv 4096 0x40
		send ` + msg(15, fAck, "") + `
		opt 270 5 1
		repeat 500 ` + msg(1, fAck, "") + `
		get 1 4`,

	"buffers too small to send": `
		socket 3 0
		opt 1 7 1
		repeat 284 ` + msg(1, fReq, "") + `
		repeat 286 ` + msg(1, fReq, "") + `
		repeat 287 ` + msg(1, fReq, ""),
}

// kernelTries is how often the kernel may be asked until it answers as the server did, once.
const kernelTries = 3

func TestConversationsAreTheKernels(t *testing.T) {
	for name, script := range conversations {
		t.Run(name, func(t *testing.T) {
			script = strings.TrimSpace(strings.ReplaceAll(script, "\t", "")) + "\n"
			got, want := newWorld(t).talk(script), ""
			for range kernelTries { // what it frees, it frees later when the machine is busy
				if want = talkToKernel(t, script); got == want {
					return
				}
			}
			t.Errorf("the server differs:\n%s", lineDiff(want, got))
		})
	}
}

// lineDiff shows two texts line by line.
func lineDiff(want, got string) string {
	var b strings.Builder
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		var x, y string
		if i < len(w) {
			x = w[i]
		}
		if i < len(g) {
			y = g[i]
		}
		if x == y {
			fmt.Fprintf(&b, "  %s\n", x)
		} else {
			fmt.Fprintf(&b, "- %s\n+ %s\n", x, y)
		}
	}
	return b.String()
}
