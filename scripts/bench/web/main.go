// Command bench-web measures the service in web/ beside gunicorn with Flask, plain gorilla/mux, net/http's ServeMux and
// nginx. All answer GET /time alike and are asked by wrk, one after the other, round after round, so that a noisy spell of the
// machine meets all: read the ratios, taken within a round, before the figures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-web:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench-web", flag.ContinueOnError)
	root := flags.String("root", ".", "the repository's root")
	rounds := flags.Int("rounds", 5, "how often each server is measured")
	length := flags.Duration("length", 8*time.Second, "how long it is under load each time, in whole seconds")
	docs := flags.Bool("docs", false, "write table and plot into docs/ too")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	dir, err := os.MkdirTemp("", "slipway-bench-web-")
	if err != nil {
		return fmt.Errorf("make a folder to measure in: %w", err)
	}
	defer os.RemoveAll(dir)
	b := &bench{root: *root, dir: dir}
	if err := b.build(ctx); err != nil {
		return err
	}
	python, err := b.python(ctx)
	if err != nil {
		return err
	}
	nginx, err := b.nginx()
	if err != nil {
		return err
	}
	servers := b.list(python, nginx)
	for round := range *rounds {
		for _, s := range servers {
			got, err := b.measure(ctx, s, *length)
			if err != nil {
				return fmt.Errorf("measure %s: %w", s.name, err)
			}
			s.samples = append(s.samples, got)
			fmt.Fprintf(os.Stderr, "round %d: %-28s %6.0f requests/s\n", round+1, s.name, got.rate)
		}
	}
	table := tableOf(servers, *rounds, *length)
	fmt.Fprint(out, table)
	if *docs {
		return writeDocs(*root, table, plot(servers))
	}
	return nil
}

// bench is one run: the repository, and a folder of its own.
type bench struct{ root, dir string }

// server is one that is measured.
type server struct {
	name    string
	command []string
	env     []string
	address string
	samples []sample
}

// build builds the service and its peer as they would be shipped.
func (b *bench) build(ctx context.Context) error {
	if _, err := exec.LookPath("wrk"); err != nil {
		return errors.New("wrk makes the load, and is not on the PATH (Debian and Ubuntu: apt-get install wrk)")
	}
	for name, pkg := range map[string]string{"web": "./web", "peer": "./scripts/bench/web/peer"} {
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "nethttpomithttp2", "-ldflags", "-s -w", "-o", b.path(name), pkg)
		build.Dir = b.root
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if said, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", pkg, err, said)
		}
	}
	return nil
}

// list has all that are measured; the first is the service. python is one that has gunicorn and Flask.
func (b *bench) list(python string, nginx []string) []*server {
	at := func(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }
	return []*server{
		{name: "web, with everything on", command: []string{b.path("web")}, address: at(18080),
			env: []string{"HOST=127.0.0.1", "PORT=18080", "METRICS_NAMESPACE=bench"}},
		{name: "web, without a line a request", command: []string{b.path("web")}, address: at(18085),
			env: []string{"HOST=127.0.0.1", "PORT=18085", "METRICS_NAMESPACE=bench", "LOG_LEVEL=warn"}},
		{name: "gorilla/mux, plain", command: []string{b.path("peer"), "mux", at(18081)}, address: at(18081)},
		{name: "net/http ServeMux, plain", command: []string{b.path("peer"), "servemux", at(18082)}, address: at(18082)},
		{name: "nginx, return", command: nginx, address: at(18083)},
		{name: "gunicorn, 2 workers, Flask", address: at(18084),
			command: []string{python, "-m", "gunicorn", "--workers", "2", "--bind", at(18084), "--chdir", filepath.Join(b.root, "scripts/bench/web"), "--log-level", "warning", "app:app"}},
	}
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// python installs gunicorn and Flask, once, and returns the interpreter that has them.
func (b *bench) python(ctx context.Context) (string, error) {
	venv := filepath.Join(b.root, ".slipway/tools/flask")
	python := filepath.Join(venv, "bin/python")
	if exec.CommandContext(ctx, python, "-c", "import gunicorn, flask").Run() == nil {
		return python, nil
	}
	lock := filepath.Join(b.root, "scripts/tools/flask.lock")
	for _, command := range [][]string{
		{"python3", "-m", "venv", "--clear", venv},
		{python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--require-hashes", "-r", lock},
	} {
		if said, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("install what %s names: %w\n%s", lock, err, said)
		}
	}
	return python, nil
}

// nginx configures one that answers without leaving its worker, and logs nothing.
func (b *bench) nginx() ([]string, error) {
	command, err := exec.LookPath("nginx")
	if err != nil {
		return nil, errors.New("nginx is measured too, and is not on the PATH (Debian and Ubuntu: apt-get install nginx-light)")
	}
	config := fmt.Sprintf(`daemon off;
pid %[1]s/nginx.pid;
error_log %[1]s/nginx.log;
worker_processes 2;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000000;
  server {
    listen 127.0.0.1:18083;
    location = /time {
      default_type application/json;
      return 200 '{"message":"Automation for the People","timestamp":1795382285}';
    }
  }
}
`, b.dir)
	file := b.path("nginx.conf")
	return []string{command, "-c", file, "-e", b.path("nginx.log")}, os.WriteFile(file, []byte(config), 0o600)
}
