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
