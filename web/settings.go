package main

import (
	"log/slog"
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
