// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The control socket speaks HTTP with JSON bodies: GET /stats, GET /lcores, GET /consistency, GET and
// PUT /sysctl, POST /reload. It is for skua's own commands; netlink is for everything that netlink
// has words for.

// controlHandler answers for inst.
func controlHandler(inst *instance) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) {
		stats, err := inst.stats()
		answer(w, stats, err)
	})
	mux.HandleFunc("GET /lcores", func(w http.ResponseWriter, _ *http.Request) {
		sample, err := inst.lcores()
		answer(w, sample, err)
	})
	mux.HandleFunc("GET /consistency", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, inst.consistency(), nil)
	})
	mux.HandleFunc("GET /sysctl", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, inst.sysctls(), nil)
	})
	mux.HandleFunc("PUT /sysctl", func(w http.ResponseWriter, r *http.Request) {
		errno := int(unix.EACCES)
		if admin, _ := r.Context().Value(isAdmin{}).(bool); admin {
			errno = int(inst.setSysctl(r.FormValue("path"), r.FormValue("value")))
		}
		answer(w, errno, nil)
	})
	mux.HandleFunc("POST /reload", func(w http.ResponseWriter, r *http.Request) {
		if admin, _ := r.Context().Value(isAdmin{}).(bool); !admin {
			http.Error(w, "permission denied: be root, or one of appliance.allow_users", http.StatusForbidden)
			return
		}
		steps, err := inst.reload()
		answer(w, steps, err)
	})
	return mux
}

func answer(w http.ResponseWriter, v any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		slog.Debug("control socket", "err", err)
	}
}

// isAdmin is the key of whether a connection's other end may change things: as netlink decides it.
type isAdmin struct{}

func (inst *instance) isAdmin(c net.Conn) bool {
	unixConn, ok := c.(*net.UnixConn)
	if !ok {
		return false
	}
	raw, err := unixConn.SyscallConn()
	if err != nil {
		return false
	}
	admin := false
	if err := raw.Control(func(fd uintptr) { admin, err = inst.server.Admin(int(fd)) }); err != nil {
		return false
	}
	return admin && err == nil
}

// serveControl listens on path until ctx is done.
func (inst *instance) serveControl(ctx context.Context, path string, mode os.FileMode, group *int) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	if err := os.Chmod(path, mode); err != nil {
		return errors.Join(err, l.Close())
	}
	if group != nil {
		if err := os.Chown(path, -1, *group); err != nil {
			return errors.Join(err, l.Close())
		}
	}
	srv := &http.Server{
		Handler: controlHandler(inst), ReadHeaderTimeout: 5 * time.Second,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, isAdmin{}, inst.isAdmin(c))
		},
	}
	inst.run(ctx, "control socket", func(ctx context.Context) error {
		answered := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			defer close(answered)
			wait, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			_ = srv.Shutdown(wait)
		})
		err := srv.Serve(l)
		if errors.Is(err, http.ErrServerClosed) {
			<-answered // what they ask must still be there
			return nil
		}
		stop()
		return err
	})
	return nil
}

// call asks the instance behind a netlink socket and decodes its answer into out.
func call(netlinkSocket, method, path string, out any) error {
	socket := controlSocket(netlinkSocket)
	client := http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}}
	req, err := http.NewRequest(method, "http://skua"+path, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return explainDial(socket, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		return errors.New(strings.TrimSpace(string(text)))
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("%s: %w", socket, err)
	}
	return nil
}
