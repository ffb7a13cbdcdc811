// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/osrg/gobgp/v4/pkg/packet/bgp"

	"skua/tests/lab"
)

// speaker is the other end of a BGP session: it says what it has, and listens to nothing.
type speaker struct {
	conn net.Conn
	mu   sync.Mutex // of writes
	done chan struct{}
}

// dial opens the session of an internal neighbour.
func dial(from *lab.Router, to string) (*speaker, error) {
	s := &speaker{done: make(chan struct{})}
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := from.Inside(func() (err error) {
			s.conn, err = net.DialTimeout("tcp", to, time.Second)
			return err
		})
		if err == nil {
			if err = s.open(); err == nil {
				break
			}
			s.conn.Close()
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("BGP with %s: %w", to, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	go s.listen()
	return s, nil
}

// open exchanges OPEN and the first KEEPALIVE.
func (s *speaker) open() error {
	_ = s.conn.SetDeadline(time.Now().Add(5 * time.Second))
	defer func() { _ = s.conn.SetDeadline(time.Time{}) }()
	caps := bgp.NewOptionParameterCapability([]bgp.ParameterCapabilityInterface{
		bgp.NewCapMultiProtocol(bgp.RF_IPv4_UC), bgp.NewCapMultiProtocol(bgp.RF_IPv6_UC), bgp.NewCapFourOctetASNumber(65002),
	})
	m, err := bgp.NewBGPOpenMessage(65002, 180, netip.MustParseAddr("10.0.0.1"), []bgp.OptionParameterInterface{caps})
	if err != nil {
		return err
	}
	if _, err := s.conn.Write(append(message(m), message(bgp.NewBGPKeepAliveMessage())...)); err != nil {
		return err
	}
	for {
		typ, err := s.read()
		switch {
		case err != nil:
			return err
		case typ == bgp.BGP_MSG_KEEPALIVE:
			return nil
		case typ == bgp.BGP_MSG_NOTIFICATION:
			return fmt.Errorf("it answers with a NOTIFICATION")
		}
	}
}

// read takes one message and gives its type.
func (s *speaker) read() (uint8, error) {
	var h [19]byte
	if _, err := io.ReadFull(s.conn, h[:]); err != nil {
		return 0, err
	}
	_, err := io.CopyN(io.Discard, s.conn, int64(binary.BigEndian.Uint16(h[16:]))-19)
	return h[18], err
}

// listen reads on, and keeps the session alive.
func (s *speaker) listen() {
	go func() {
		tick := time.NewTicker(30 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-s.done:
				return
			case <-tick.C:
				_ = s.send(message(bgp.NewBGPKeepAliveMessage()))
			}
		}
	}()
	for {
		if _, err := s.read(); err != nil {
			return
		}
	}
}

// send writes whole messages; it returns when the other side has room for the last of them.
func (s *speaker) send(messages []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.conn.Write(messages)
	return err
}

func (s *speaker) close() {
	close(s.done)
	s.conn.Close()
}
