// Package config reads slipway.yaml: its types, defaults and validation.
package config

import "net/netip"

// Config is slipway.yaml, validated, with defaults filled in. It is passed by value and never changed.
type Config struct {
	Name         string // begins the name of every stack; 2 to 32 characters
	Service      Service
	Environments []Environment // in the order in which a release passes through them; at least one
	Pipeline     Pipeline
}

// Service is the container and how it is run.
type Service struct {
	Port         int // the container's, 1 to 65535
	CPU          int // CPU units, 1024 a vCPU
	Memory       int // MiB
	Architecture Architecture
	HealthPath   string     // begins with a slash
	Environment  []Variable // in the order of the file
}

// Architecture of the image and of the tasks.
type Architecture string

// The architectures that Fargate runs.
const (
	X86   Architecture = "x86"
	ARM64 Architecture = "arm64"
)

// Variable is one environment variable of the container.
type Variable struct{ Name, Value string }

// Environment is one copy of the system, with its own network.
type Environment struct {
	Name    string
	Tasks   Tasks
	Network Network
}

// Tasks is the number of tasks; scaling is on where Max is above Min.
type Tasks struct{ Min, Max int }

// Network is the environment's VPC.
type Network struct {
	CIDR  netip.Prefix // private (RFC 1918), /16 to /24
	Zones int          // availability zones, 2 or 3
	NAT   NAT
}

// NAT says how tasks reach the internet.
type NAT string

// Without NAT the tasks are public; with one they are private.
const (
	NATNone    NAT = "none"
	NATOne     NAT = "one"
	NATPerZone NAT = "per-zone"
)

// Pipeline says where the delivery pipeline lives.
type Pipeline struct {
	Environment string // the last environment unless the file says otherwise
}

// What holds where slipway.yaml says nothing. Three more defaults follow from other keys: memory is the least that
// Fargate pairs with the cpu, max is min, and the pipeline lives in the last environment.
const (
	DefaultPort         = 8080
	DefaultCPU          = 256 // the smallest and cheapest task
	DefaultArchitecture = X86
	DefaultHealthPath   = "/healthz"
	DefaultMinTasks     = 2 // one a zone
	DefaultCIDR         = "10.0.0.0/16"
	DefaultZones        = 2
	DefaultNAT          = NATNone
)
