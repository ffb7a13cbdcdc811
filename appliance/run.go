// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"skua/conf"
)

func runCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "run FILE",
		Short: "Start Skua from a configuration file",
		Long: `Starts the data plane on its cores, configures it from FILE and serves netlink until it is
told to stop (SIGINT, SIGTERM). SIGHUP reads FILE again and applies the difference.`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := conf.Load(args[0])
			if err != nil {
				return err
			}
			return run(cmd.Context(), args[0], c)
		},
	}
}

func run(ctx context.Context, file string, c *conf.Config) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Appliance.Log)); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	slog.SetDefault(log)

	ctx, stop := signal.NotifyContext(ctx, unix.SIGINT, unix.SIGTERM)
	defer stop()
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, unix.SIGHUP)

	inst, err := start(ctx, file, c, log)
	if err != nil {
		return err
	}
	log.Info("forwarding", "links", len(c.Links), "cpus", inst.dp.WorkerCPUs(), "socket", c.Appliance.Socket)
	sdNotify("READY=1")
	for {
		select {
		case <-hup:
			steps, err := inst.reload()
			if err != nil {
				log.Error("reload: nothing was changed", "err", err)
				continue
			}
			log.Info("reloaded", "changes", strings.Join(steps, "; "))
		case err := <-inst.failed:
			return errors.Join(err, inst.close())
		case <-ctx.Done():
			log.Info("stopping")
			sdNotify("STOPPING=1")
			return inst.close()
		}
	}
}

// sdNotify tells systemd, when it is the one who started us (sd_notify(3)).
func sdNotify(state string) {
	addr := os.Getenv("NOTIFY_SOCKET")
	if addr == "" {
		return
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: addr, Net: "unixgram"})
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(state))
}
