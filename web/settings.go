package main

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	defaultPort = "8080"

	// ECS stops a task only after the load balancer has taken it out and the deregistration delay has passed
	// (docs.aws.amazon.com, AmazonECS, task-lifecycle-explanation), so the pause need not wait for the balancer. It is
	// for stops that do not take this order, such as a lost Spot task, and for clients that come by themselves.
	defaultDrainPause = time.Second

	// Above the 60 seconds for which the load balancer keeps an idle connection: were the service the first to close
	// one, the balancer would answer 502 to the request it had just sent on it
	// (docs.aws.amazon.com, elasticloadbalancing, load-balancer-troubleshooting, HTTP 502).
	defaultKeepAlive = 90 * time.Second
	maxKeepAlive     = 2 * time.Hour // the balancer's may be 4000 seconds

	// Pause and shutdownLimit together stay below the 30 seconds after which ECS kills the task (StopTimeout).
	maxDrainPause = 10 * time.Second
)

// settings is what the environment says, checked.
type settings struct {
	address      string // to listen on: host:port
	hostname     string
	metadata     string // URL of the metadata endpoint of ECS; empty elsewhere
	logLevel     slog.Level
	healthChecks uint64 // one in so many is logged; 0 for none
	metrics      string // CloudWatch namespace; empty for no metrics
	drainPause   time.Duration
	keepAlive    time.Duration // of an idle connection
}

// readSettings reports the first variable that cannot be used, with what it may be.
func readSettings(getenv func(string) string) (settings, error) {
	var cfg settings
	var err error
	if cfg.address, err = address(getenv("HOST"), getenv("PORT")); err != nil {
		return settings{}, err
	}
	if cfg.hostname, err = hostname(getenv("HOSTNAME")); err != nil {
		return settings{}, err
	}
	cfg.metadata = getenv("ECS_CONTAINER_METADATA_URI_V4")
	if cfg.logLevel, err = logLevel(getenv("LOG_LEVEL")); err != nil {
		return settings{}, err
	}
	if cfg.healthChecks, err = healthChecks(getenv("LOG_HEALTH_CHECKS")); err != nil {
		return settings{}, err
	}
	if cfg.metrics, err = metricsNamespace(getenv("METRICS_NAMESPACE")); err != nil {
		return settings{}, err
	}
	if cfg.drainPause, err = duration("DRAIN_PAUSE", getenv("DRAIN_PAUSE"), defaultDrainPause, 0, maxDrainPause); err != nil {
		return settings{}, err
	}
	cfg.keepAlive, err = duration("KEEP_ALIVE", getenv("KEEP_ALIVE"), defaultKeepAlive, time.Second, maxKeepAlive)
	return cfg, err
}

func address(host, port string) (string, error) {
	if port == "" {
		port = defaultPort
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("PORT is %q; it must be a number from 1 to 65535", port)
	}
	if strings.ContainsAny(host, " \t\r\n[]/") {
		return "", fmt.Errorf("HOST is %q; it must be an IP address or a host name, or empty for all addresses", host)
	}
	return net.JoinHostPort(host, port), nil
}

// hostname prefers the variable: where several tasks share one machine, only it tells them apart.
func hostname(variable string) (string, error) {
	if variable != "" {
		return variable, nil
	}
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("HOSTNAME is not set and the system's cannot be read: %w", err)
	}
	return name, nil
}

func logLevel(variable string) (slog.Level, error) {
	levels := map[string]slog.Level{
		"":      slog.LevelInfo,
		"debug": slog.LevelDebug,
		"info":  slog.LevelInfo,
		"warn":  slog.LevelWarn,
		"error": slog.LevelError,
	}
	level, known := levels[strings.ToLower(variable)]
	if !known {
		return 0, fmt.Errorf("LOG_LEVEL is %q; it must be debug, info, warn or error", variable)
	}
	return level, nil
}

func healthChecks(variable string) (uint64, error) {
	if variable == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(variable, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("LOG_HEALTH_CHECKS is %q; it must be a number: 0 for none, 1 for all, 100 for one in a hundred", variable)
	}
	return n, nil
}

// namespaceForm is what CloudWatch allows (docs.aws.amazon.com, AmazonCloudWatch, API_PutMetricData); AWS/ is its own.
var namespaceForm = regexp.MustCompile(`^[0-9A-Za-z._/#-]{1,255}$`)

func metricsNamespace(variable string) (string, error) {
	if variable != "" && (!namespaceForm.MatchString(variable) || strings.HasPrefix(variable, "AWS/")) {
		return "", fmt.Errorf("METRICS_NAMESPACE is %q; it must be at most 255 letters, digits and . - _ / #, and not begin with AWS/", variable)
	}
	return variable, nil
}

func duration(name, variable string, standard, least, most time.Duration) (time.Duration, error) {
	if variable == "" {
		return standard, nil
	}
	d, err := time.ParseDuration(variable)
	if err != nil || d < least || d > most {
		return 0, fmt.Errorf("%s is %q; it must be a duration from %s to %s, such as 2s", name, variable, least, most)
	}
	return d, nil
}
