/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a client of Skua's netlink server talks to it. A connection of the server's Unix
 * SOCK_SEQPACKET socket is a netlink socket.
 *
 * Client to server: frames, one datagram each: struct skua_nl_frame and what follows it.
 * Server to client: raw netlink, one datagram each, as the kernel would queue them, so that poll,
 * peeking, timeouts and socket filters work on the Unix socket itself. A datagram that did not
 * come as an answer ends in a marker, itself a netlink message that everybody skips.
 *
 * Everything else goes through a page of shared memory that the client makes (a memfd sealed
 * against shrinking) and passes with its first frame: the server completes each frame there, and
 * wakes who waits for it by a futex. A frame is complete when all that it caused is in the
 * queues, as when a send() of the kernel returns.
 *
 * All numbers are in host byte order. wire.go mirrors this file; a test compares them.
 */
#ifndef SKUA_NL_H
#define SKUA_NL_H

#include <stdint.h>

#define SKUA_NL_VERSION 1u

/* Largest frame in bytes, header included; what is larger comes as SKUA_NL_SEND_FD. */
#define SKUA_NL_FRAME_MAX (200u * 1024u)
/* Largest send in bytes. */
#define SKUA_NL_SEND_MAX  (64u * 1024u * 1024u)
#define SKUA_NL_PAGE_SIZE 4096u

enum skua_nl_op {
	SKUA_NL_HELLO =
	    1, /* a: version, b: protocol, c: type; the page's fd; struct skua_nl_hello */
	SKUA_NL_BIND = 2,    /* a: portid or 0, b: mask of groups 1 to 32 */
	SKUA_NL_CONNECT = 3, /* a: portid, b: group mask: may they be sent to? binds if need be */
	SKUA_NL_SEND = 4,    /* a: portid, b: group mask of the destination; the bytes */
	SKUA_NL_SEND_FD = 5, /* as SEND, the bytes are the first len of the file that is passed */
	SKUA_NL_MORE = 6,    /* something was received while a dump runs: go on with it */
	SKUA_NL_JOIN = 7,    /* a: group */
	SKUA_NL_LEAVE = 8,   /* a: group */
	SKUA_NL_RCVBUF = 9,  /* a: bytes as getsockopt would give them */
	SKUA_NL_IOCTL = 10,  /* a: request; struct skua_nl_ioctl */
};

struct skua_nl_frame {
	uint32_t op;
	uint32_t seq; /* what the page's done becomes when the frame is complete */
	uint32_t a;
	uint32_t b;
	uint32_t c;
	uint32_t len; /* of what follows, or of the file */
};

struct skua_nl_hello {
	uint64_t netns;   /* inode of the client's network namespace, 0: unknown */
	uint32_t tgid;    /* what autobind tries first */
	uint32_t portid;  /* after the server's restart: what the socket was bound to, else 0 */
	uint32_t rcvbuf;  /* after the server's restart: bytes, else 0 */
	uint32_t ngroups; /* after the server's restart: of the group numbers that follow */
	uint32_t groups[];
};

/* Bits of skua_nl_page.options: socket options that are on. */
#define SKUA_NL_OPT_PKTINFO         (1u << 0)
#define SKUA_NL_OPT_BROADCAST_ERROR (1u << 1)
#define SKUA_NL_OPT_NO_ENOBUFS      (1u << 2)
#define SKUA_NL_OPT_LISTEN_ALL_NSID (1u << 3)
#define SKUA_NL_OPT_CAP_ACK         (1u << 4)
#define SKUA_NL_OPT_EXT_ACK         (1u << 5)
#define SKUA_NL_OPT_STRICT_CHK      (1u << 6)
#define SKUA_NL_OPT_PASSCRED        (1u << 7)
/* No socket option: the client knows of turn, and posts frames. */
#define SKUA_NL_OPT_POSTS (1u << 8)

/*
 * Where the server waits for the next frame: skua_nl_page.turn. As long as a client is busy that is
 * the page: a small frame is then posted there, which saves a trip through the connection. The
 * server says so before it completes a frame, so that the client knows before it has the next one.
 * When the server goes back to the connection by itself it does so by comparing and exchanging.
 */
#define SKUA_NL_TURN_SOCKET 0u /* at the connection */
#define SKUA_NL_TURN_PAGE   1u /* at this word, a futex */
#define SKUA_NL_TURN_POSTED 2u /* by the client, from PAGE: a frame is in post */
#define SKUA_NL_TURN_LOOK   3u /* from PAGE: something has come through the connection */

#define SKUA_NL_POST_AT  1024u /* offset of the frame that is posted */
#define SKUA_NL_POST_MAX 3072u /* its bytes, header included */

/*
 * An ioctl() about interfaces. What it points at is in the client's memory, and the server alone
 * knows what that is: it asks for it piece by piece. The frame carries the argument and the pieces
 * that were asked for so far, in struct skua_nl_chunk and its bytes, padded to 8. The answer is a
 * datagram: struct skua_nl_ioctl_reply and chunks, of which a piece that is wanted has no bytes.
 */
struct skua_nl_ioctl {
	uint64_t arg;
};

#define SKUA_NL_CHUNK_FAULT (1u << 0) /* it could not be read, and has no bytes */

struct skua_nl_chunk {
	uint64_t addr;
	uint32_t len;
	uint32_t flags;
};

struct skua_nl_ioctl_reply {
	uint32_t more;  /* 1: a chunk is wanted, and the whole once more; 0: chunks to be written */
	int32_t result; /* of the ioctl */
};

#define SKUA_NL_GROUP_WORDS 64u /* groups 1 to 2048 */

struct skua_nl_page {
	/* Written by the server. */
	uint32_t
	    version;    /* of the server, once it took the hello; 0: it has closed the connection */
	uint32_t done;  /* futex: seq of the last frame that is complete */
	int32_t result; /* of that frame: 0, a count, or a negative errno */
	uint32_t portid;   /* 0: not bound */
	uint32_t admin;    /* the client may change things */
	uint32_t error;    /* errno of the next receive, which takes it away */
	uint32_t dumping;  /* a dump runs */
	uint32_t maxgroup; /* the family's */
	uint32_t
	    groups[SKUA_NL_GROUP_WORDS]; /* memberships: group g is bit (g-1)%32 of word (g-1)/32 */

	/* Written by the client. */
	uint32_t waiters;  /* threads that wait for done */
	uint32_t options;  /* SKUA_NL_OPT_* */
	uint32_t max_recv; /* bytes: the largest buffer that was given to a receive */
	uint32_t lock;     /* 0, or the tid that has a frame under way, with a bit for waiters */
	uint32_t seq;      /* of the last frame */
	uint32_t rcvbuf;   /* bytes, as getsockopt gives them */
	uint32_t sndbuf;
	uint32_t dst_portid; /* connect() */
	uint32_t dst_groups; /* connect(): mask */
	uint32_t protocol;
	uint32_t type;

	uint32_t turn; /* futex: SKUA_NL_TURN_*; written by both */
};

/*
 * The marker at the end of a datagram that is a notification, or that another client sent: an
 * NLMSG_NOOP of 16 bytes whose flags are SKUA_NL_MARK, whose nlmsg_seq is the multicast group (0:
 * none) and whose nlmsg_pid is the sender's portid (0: the server). A datagram that would be longer
 * than SKUA_NL_MARKED_MAX with it goes without.
 */
#define SKUA_NL_MARK       0x534bu
#define SKUA_NL_MARK_LEN   16u
#define SKUA_NL_MARKED_MAX 8192u

#endif
