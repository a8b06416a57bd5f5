package config

import (
	"os"
	"path/filepath"
	"testing"
)

func TestExecNeedsAShell(t *testing.T) {
	for _, tt := range []struct {
		name, dockerfile string
		refused          bool
	}{
		{"scratch", "FROM golang:1.26 AS build\nRUN go build\nFROM scratch\n", true},
		{"scratch with a platform, in lower case", "from --platform=$BUILDPLATFORM golang AS b\nfrom --platform=linux/arm64 scratch\n", true},
		{"scratch through a stage", "FROM scratch AS base\nFROM golang AS build\nFROM base\n", true},
		{"scratch only for a stage that is copied from", "FROM scratch AS files\nFROM alpine:3\nCOPY --from=files / /\n", false},
		{"alpine", "FROM alpine:3.20@sha256:0\n", false},
		{"empty", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), Dockerfile)
			if err := os.WriteFile(path, []byte(tt.dockerfile), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := (Config{Service: Service{Exec: true}}).CheckDockerfile(path); (err != nil) != tt.refused {
				t.Errorf("with exec: %v", err)
			}
			if err := (Config{}).CheckDockerfile(path); err != nil {
				t.Errorf("without exec: %v", err)
			}
		})
	}
	if err := (Config{Service: Service{Exec: true}}).CheckDockerfile(filepath.Join(t.TempDir(), Dockerfile)); err != nil {
		t.Errorf("without a Dockerfile: %v", err)
	}
	if err := (Config{Service: Service{Exec: true}}).CheckDockerfile("../../" + Dockerfile); err == nil {
		t.Error("the committed Dockerfile builds FROM scratch, and exec was not refused")
	}
}
