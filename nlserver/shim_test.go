// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

var nlshim = sync.OnceValues(func() (string, error) {
	lib, err := shimLib()
	if err != nil {
		return "", err
	}
	out := filepath.Join(filepath.Dir(lib), "nlshim")
	return out, compile([]string{"-D_GNU_SOURCE", "-O2", "-D_FORTIFY_SOURCE=2", "-Wall", "-Wextra",
		"-Werror", "-o", out, "testdata/nlshim.c"})
})

func wantShim(t *testing.T, w *world, part, want string) {
	t.Helper()
	prog, err := nlshim()
	if err != nil {
		t.Fatal(err)
	}
	if got, code := w.run("", prog, part); got != want || code != 0 {
		t.Errorf("nlshim %s: exit code %d\n%s", part, code, lineDiff(want, got))
	}
}

func TestDescriptorsComeAndGo(t *testing.T) {
	wantShim(t, newWorld(t), "descriptors", `cloexec 1
dup ok
dup of a closed one ok, ok
child ok
parent ok
after a vfork ok
dup2 ok
pipe at the old number
write 5
read 5
pipe says hello
closed EBADF
nonblocking 1
recv EAGAIN
empty ENODATA
shutdown EOPNOTSUPP
`)
}

func TestTheLibraryAnswersForInterfaces(t *testing.T) {
	wantShim(t, newWorld(t), "names", `link 1 lo
link 2 toy0
toy0 2
toy9 ENODEV
2 is toy0
9 ENXIO
lo 0x10049 addr packet 1/00
toy0 0x10043 addr packet 2/07
lo 0x10049 addr 127.0.0.1 mask 255.255.255.0
toy0 0x10043 addr 192.0.2.1 mask 255.255.255.0
index toy0: 2
flags toy0: 0x43
mtu toy0: 1500
mtu toy0:1: 1500
queue toy0: 1000
mac toy0: 07
address toy0: is 192.0.2.1
mask toy0: is 255.255.255.0
mtu toy9: ENODEV
set flags lo: EOPNOTSUPP
ethtool lo: EOPNOTSUPP
index on a netlink socket toy0: 2
a bad pointer EFAULT
name of 2 0
it is toy0
tun EOPNOTSUPP
conf lo addr 127.0.0.1
conf toy0 addr 192.0.2.1
`)
}

func TestManyThreads(t *testing.T) {
	w := newWorld(t)
	wantShim(t, w, "threads", "0 bad, then ok\n")
	for end := time.Now().Add(10 * time.Second); w.sockets() > 0; {
		if time.Now().After(end) {
			t.Fatalf("%d sockets are left", w.sockets())
		}
		time.Sleep(time.Millisecond)
	}
}

func TestLargeSends(t *testing.T) {
	wantShim(t, newWorld(t), "large", "sent 1048576\nanswer to 77\n")
}

// follow starts part of nlshim and calls step for each line that it writes; step may answer.
func follow(t *testing.T, w *world, part string, step func(line string, answer func())) {
	t.Helper()
	prog, err := nlshim()
	if err != nil {
		t.Fatal(err)
	}
	cmd := w.command(prog, part)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		step(lines.Text(), func() { fmt.Fprintln(in) })
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("nlshim %s: %v", part, err)
	}
}

func TestClientsOutliveTheServer(t *testing.T) {
	w := newWorld(t)
	var got strings.Builder
	follow(t, w, "restart", func(line string, answer func()) {
		switch line {
		case "stop and start the server":
			w.stop()
			w.start()
			answer()
		case "notify":
			w.toy.family.Notify(7, Requester{}, request(unix.RTM_NEWROUTE, 0, 0))
			answer()
		default:
			got.WriteString(line + "\n")
		}
	})
	want := `the sender ENOBUFS
its answer 36
the sender ok
epoll 1
recv ENOBUFS
recv EAGAIN
poll 0
epoll 0
portid 0x551 groups 0x40
portid 0x551 groups 0x40
extended ACK 1
epoll 1
recv 16
`
	if got.String() != want {
		t.Errorf("the client saw:\n%s", lineDiff(want, got.String()))
	}
}

func TestABlockedMonitorOutlivesTheServer(t *testing.T) {
	w := newWorld(t)
	var got []string
	follow(t, w, "blocked", func(line string, answer func()) {
		got = append(got, line)
		switch len(got) {
		case 1:
			w.stop()
			time.Sleep(200 * time.Millisecond) // some attempts in vain
			w.start()
		case 2:
			w.toy.family.Notify(7, Requester{}, request(unix.RTM_NEWROUTE, 0, 0))
		}
	})
	if want := "ready,recv ENOBUFS,recv 16"; strings.Join(got, ",") != want {
		t.Errorf("the client saw %q, want %q", strings.Join(got, ","), want)
	}
}

func TestThreadsOfASocketConnectAgainOnce(t *testing.T) {
	w := newWorld(t)
	var got []string
	follow(t, w, "both", func(line string, answer func()) {
		switch line {
		case "stop and start the server":
			w.stop()
			w.start()
			answer()
		case "notify":
			// Under load the client is back before the server has heard of its groups.
			for end := time.Now().Add(20 * time.Second); w.sockets() == 0 || !w.toy.family.HasListeners(7); {
				if time.Now().After(end) {
					t.Error("the client does not join its group again")
					break
				}
				time.Sleep(time.Millisecond)
			}
			if n := w.sockets(); n != 1 {
				t.Errorf("there are %d connections, want 1", n)
			}
			w.toy.family.Notify(7, Requester{}, request(unix.RTM_NEWROUTE, 0, 0))
			answer()
		default:
			got = append(got, line)
		}
	})
	if want := "thread ENOBUFS,thread 16"; strings.Join(got, ",") != want {
		t.Errorf("the client saw %q, want %q", strings.Join(got, ","), want)
	}
}

func TestMonitorHearsOfRoutes(t *testing.T) {
	w := newWorld(t)
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("ip (package iproute2) is not installed")
	}
	cmd := w.command("ip", "monitor", "route")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	for end := time.Now().Add(10 * time.Second); !w.toy.family.HasListeners(7); {
		if time.Now().After(end) {
			t.Fatal("ip monitor joins no group")
		}
		time.Sleep(time.Millisecond)
	}
	wantIP(t, w, 0, "", "route", "add", "198.51.100.0/24", "via", "192.0.2.9", "dev", "toy0")
	wantIP(t, w, 0, "", "route", "del", "198.51.100.0/24")
	lines := bufio.NewScanner(out)
	for _, want := range []string{
		"198.51.100.0/24 via 192.0.2.9 dev toy0 ",
		"Deleted 198.51.100.0/24 via 192.0.2.9 dev toy0 ",
	} {
		if !lines.Scan() || lines.Text() != want {
			t.Errorf("ip monitor says %q, want %q", lines.Text(), want)
		}
	}
}

// TestTheHeaderIsMirrored compares wire.go with skua_nl.h, as the compiler lays it out.
func TestTheHeaderIsMirrored(t *testing.T) {
	dir := t.TempDir()
	src, prog := filepath.Join(dir, "offsets.c"), filepath.Join(dir, "offsets")
	os.WriteFile(src, []byte(`
#include "skua_nl.h"
#include <stddef.h>
#include <stdio.h>
#define OFF(f) (int)offsetof(struct skua_nl_page, f)
int main(void)
{
	printf("%d %d %d %d %d %d ", SKUA_NL_VERSION, SKUA_NL_FRAME_MAX, SKUA_NL_SEND_MAX,
	       SKUA_NL_PAGE_SIZE, SKUA_NL_GROUP_WORDS, SKUA_NL_MARK);
	printf("%d %d %d %d ", SKUA_NL_MARK_LEN, SKUA_NL_MARKED_MAX,
	       (int)sizeof(struct skua_nl_frame), (int)sizeof(struct skua_nl_hello));
	printf("%d %d %d %d %d %d %d %d %d ", SKUA_NL_HELLO, SKUA_NL_BIND, SKUA_NL_CONNECT,
	       SKUA_NL_SEND, SKUA_NL_SEND_FD, SKUA_NL_MORE, SKUA_NL_JOIN, SKUA_NL_LEAVE,
	       SKUA_NL_RCVBUF);
	printf("%d %d %d %d %d %d ", SKUA_NL_OPT_BROADCAST_ERROR, SKUA_NL_OPT_NO_ENOBUFS,
	       SKUA_NL_OPT_CAP_ACK, SKUA_NL_OPT_EXT_ACK, SKUA_NL_OPT_STRICT_CHK,
	       SKUA_NL_OPT_POSTS);
	printf("%d %d %d %d %d %d %d ", SKUA_NL_TURN_SOCKET, SKUA_NL_TURN_PAGE, SKUA_NL_TURN_POSTED,
	       SKUA_NL_TURN_LOOK, SKUA_NL_POST_AT, SKUA_NL_POST_MAX, OFF(turn));
	printf("%d %d %d %d %d %d %d %d %d %d %d %d\n", OFF(version), OFF(done), OFF(result),
	       OFF(portid), OFF(admin), OFF(error), OFF(dumping), OFF(maxgroup), OFF(groups),
	       OFF(waiters), OFF(options), OFF(max_recv));
	return 0;
}`), 0o600)
	if err := compile([]string{"-Ishim", "-o", prog, src}); err != nil {
		t.Fatal(err)
	}
	got, err := exec.Command(prog).Output()
	if err != nil {
		t.Fatal(err)
	}
	var p page
	want := fmt.Sprintln(wireVersion, frameMax, sendMax, pageSize, groupWords, markFlags,
		markLen, markedMax, frameLen, helloLen,
		opHello, opBind, opConnect, opSend, opSendFD, opMore, opJoin, opLeave, opRcvbuf,
		optBroadcastError, optNoEnobufs, optCapAck, optExtAck, optStrictChk, optPosts,
		turnSocket, turnPage, turnPosted, turnLook, postAt, postMax, off(&p, &p.turn),
		off(&p, &p.version), off(&p, &p.done), off(&p, &p.result), off(&p, &p.portid),
		off(&p, &p.admin), off(&p, &p.err), off(&p, &p.dumping), off(&p, &p.maxgroup),
		off(&p, &p.groups), off(&p, &p.waiters), off(&p, &p.options), off(&p, &p.maxRecv))
	if string(got) != want {
		t.Errorf("skua_nl.h: %swire.go:   %s", got, want)
	}
}

func off[T any](p *page, field *T) int {
	return int(uintptr(unsafe.Pointer(field)) - uintptr(unsafe.Pointer(p)))
}
