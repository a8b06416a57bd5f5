package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	taskTimeout = 5 * time.Second
	maxMetadata = 1 << 20 // bytes
)

// ecsTask is which task of ECS this is.
type ecsTask struct {
	ID        string // the end of the task's ARN
	Container string // Docker's id of the container
	Zone      string // availability zone
}

// readTask asks the metadata endpoint of ECS, whose address is in ECS_CONTAINER_METADATA_URI_V4 (docs.aws.amazon.com,
// AmazonECS, task-metadata-endpoint-v4-fargate). The host's name does not tell the task on Fargate.
func readTask(ctx context.Context, endpoint string) (*ecsTask, error) {
	ctx, cancel := context.WithTimeout(ctx, taskTimeout)
	defer cancel()
	var container struct{ DockerId string }
	if err := getJSON(ctx, endpoint, &container); err != nil {
		return nil, err
	}
	var task struct{ TaskARN, AvailabilityZone string }
	if err := getJSON(ctx, endpoint+"/task", &task); err != nil {
		return nil, err
	}
	return &ecsTask{
		ID:        task.TaskARN[strings.LastIndexByte(task.TaskARN, '/')+1:],
		Container: container.DockerId,
		Zone:      task.AvailabilityZone,
	}, nil
}

// getJSON asks over a connection of its own: net/http's client would add a twentieth to the binary, for two requests to a
// neighbour that speaks plain HTTP.
func getJSON(ctx context.Context, endpoint string, into any) error {
	address, err := url.Parse(endpoint)
	if err != nil {
		return fmt.Errorf("read the metadata endpoint's address: %w", err)
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(address.Hostname(), cmp.Or(address.Port(), "80")))
	if err != nil {
		return fmt.Errorf("ask the metadata endpoint: %w", err)
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // a connection that was just opened takes one
	}
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", address.RequestURI(), address.Host); err != nil {
		return fmt.Errorf("ask the metadata endpoint: %w", err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return fmt.Errorf("ask the metadata endpoint: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the metadata endpoint answers %s", response.Status)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxMetadata)).Decode(into); err != nil {
		return fmt.Errorf("read the metadata endpoint's answer: %w", err)
	}
	return nil
}
