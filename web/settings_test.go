package main

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func environment(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

func TestSettings(t *testing.T) {
	system, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		variables map[string]string
		want      settings
	}{
		"defaults": {nil, settings{":8080", system, "", slog.LevelInfo, 0, "", defaultDrainPause, defaultKeepAlive}},
		"all set": {
			map[string]string{"HOST": "127.77.0.1", "PORT": "65535", "HOSTNAME": "task-2", "LOG_LEVEL": "WARN", "ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4/x", "LOG_HEALTH_CHECKS": "100", "METRICS_NAMESPACE": "shop/prod", "DRAIN_PAUSE": "0s", "KEEP_ALIVE": "2h"},
			settings{"127.77.0.1:65535", "task-2", "http://169.254.170.2/v4/x", slog.LevelWarn, 100, "shop/prod", 0, 2 * time.Hour},
		},
		"IPv6": {
			map[string]string{"HOST": "::1", "PORT": "1", "HOSTNAME": "h", "LOG_LEVEL": "debug", "DRAIN_PAUSE": "10s"},
			settings{"[::1]:1", "h", "", slog.LevelDebug, 0, "", 10 * time.Second, defaultKeepAlive},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := readSettings(environment(test.variables))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(settings{})); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSettingsRefused(t *testing.T) {
	tests := []struct{ variable, value string }{
		{"PORT", "http"},
		{"PORT", "0"},
		{"PORT", "-1"},
		{"PORT", "+80"},
		{"PORT", "65536"},
		{"PORT", "80 "},
		{"PORT", " "},
		{"PORT", "8080.0"},
		{"PORT", "99999999999999999999"},
		{"HOST", "[::1]"},
		{"HOST", "10.0.0.0/8"},
		{"HOST", "a b"},
		{"LOG_LEVEL", "loud"},
		{"LOG_HEALTH_CHECKS", "no"},
		{"LOG_HEALTH_CHECKS", "-1"},
		{"METRICS_NAMESPACE", "AWS/ECS"},
		{"METRICS_NAMESPACE", "a b"},
		{"DRAIN_PAUSE", "2"},
		{"DRAIN_PAUSE", "-1s"},
		{"DRAIN_PAUSE", "10.1s"},
		{"KEEP_ALIVE", "0s"},
		{"KEEP_ALIVE", "3h"},
	}
	for _, test := range tests {
		t.Run(test.variable+"="+test.value, func(t *testing.T) {
			_, err := readSettings(environment(map[string]string{test.variable: test.value}))
			if err == nil {
				t.Fatal("accepted")
			}
			for _, part := range []string{test.variable, `"` + test.value + `"`, "must be"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not contain %q", err, part)
				}
			}
		})
	}
}

func TestDrainFitsIntoTheStopTimeout(t *testing.T) {
	const stopTimeout = 30 * time.Second // the default of ECS, after which the task is killed
	if total := maxDrainPause + shutdownLimit; total >= stopTimeout {
		t.Errorf("the longest drain takes %s, which must be below %s", total, stopTimeout)
	}
	if defaultKeepAlive <= 60*time.Second || maxKeepAlive <= 4000*time.Second {
		t.Errorf("keep-alive of %s, at most %s, must be above the load balancer's 60s, at most 4000s", defaultKeepAlive, maxKeepAlive)
	}
}
