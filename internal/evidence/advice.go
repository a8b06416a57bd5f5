package evidence

import (
	"slices"
	"strings"

	"slipway/internal/contract"
)

// What to do about the commonest causes. Texts that a service writes are quoted in the tests, with their sources.
const (
	adviseArchitecture = "the image is built for another processor than the tasks have: let service.architecture in slipway.yaml name the image's (x86 or arm64), run go run ./gen and ./scripts/deploy.sh"
	adviseMissingImage = "the registry has no such image: run ./scripts/deploy.sh, which builds it again"
	adviseNoRoute      = "the tasks cannot reach the registry: their subnets need a route to an internet gateway (and the tasks public addresses) or to a NAT gateway, and their security group must let port 443 out"
	adviseImageRights  = "the task execution role may not read the image: look for changes to the role, its boundary or the repository's policy"
	adviseSecret       = "a secret cannot be read, the message above says which: it must be there under that very name, in this account and Region, and in Secrets Manager have the key that is named; if a key of yours encrypts it, that key is security.key in slipway.yaml"
	advisePullLimit    = "the registry limits pulls: wait, or take the base image from another registry"
	advisePull         = "the image cannot be pulled: the message above says why"
	adviseLogs         = "the container's log cannot be written: check that the log group exists and that the task execution role may write to it"
	adviseMemory       = "the container needed more memory than a task has: raise service.memory in slipway.yaml, run go run ./gen and ./scripts/deploy.sh"
	adviseKilled       = "exit code 137 is a kill: too little memory (raise service.memory in slipway.yaml), or a container that does not end on SIGTERM"
	adviseCommand      = "the image's command is missing or cannot be executed: check ENTRYPOINT in the Dockerfile, and that the binary is static where the image is scratch"
	adviseEnds         = "a service has to keep running, and this one ended by itself without an error: check ENTRYPOINT in the Dockerfile"
	adviseExit         = "the container ends by itself: its log says why; ./scripts/deploy.sh --local shows the same without AWS"
	adviseCapacity     = "Fargate has no capacity for the tasks at the moment: deploy again later"
	adviseQuota        = "the account's Fargate quota is used up: ask for more vCPUs in Service Quotas (AWS Fargate), or lower tasks or service.cpu in slipway.yaml"
	adviseHealthPath   = "the health path does not answer 200: make service.healthPath in slipway.yaml a path that does"
	adviseTimeout      = "health checks get no answer in time: the container must answer service.healthPath within 5 seconds, on all addresses (not only 127.0.0.1)"
	adviseRefused      = "health checks get no connection: the container must listen on service.port of slipway.yaml (it is told in PORT), on all addresses (not only 127.0.0.1)"
	adviseDocker       = "the build project has no Docker (privileged mode is off): ./scripts/deploy.sh restores the project from its template"
	adviseBuildStopped = "somebody stopped the build: run ./scripts/deploy.sh again"
	adviseBuildTime    = "the build took longer than its project allows: look at the log for what it waited for, and run ./scripts/deploy.sh again"
	adviseBuild        = "the log says why; ./scripts/deploy.sh --local runs the same build without AWS"
	adviseBalancer     = "the load balancer itself has failed: deploy again later"
)

// advice lists what to do next, without repetition, the likeliest first.
func (e Evidence) advice() []string {
	var list []string
	add := func(text string) {
		if text != "" && !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	for _, task := range e.StoppedTasks {
		log := ""
		if task.TaskARN == e.LogTask {
			log = strings.Join(e.LogTail, "\n")
		}
		add(adviseTask(task, log))
	}
	for _, target := range e.Targets {
		if target.State == unhealthy {
			add(adviseTarget(target))
		}
	}
	for _, event := range e.ServiceEvents {
		add(advisePlacement(event.Message))
	}
	return list
}

func adviseTask(task StoppedTask, log string) string {
	text := strings.ToLower(task.manner())
	switch {
	case containsAny(text+strings.ToLower(log), "exec format error", "matching platform", "descriptor for platform", "no matching manifest for"):
		return adviseArchitecture
	case containsAny(text, "initialize logging driver", "validate logger args"):
		return adviseLogs
	case containsAny(text, "executable file not found", "no such file or directory", "permission denied"):
		return adviseCommand
	case containsAny(text, "cannotpull", "unable to pull"):
		return advisePulling(text)
	case containsAny(text, "outofmemory"):
		return adviseMemory
	case containsAny(text, "failed elb health checks", "failed container health checks"):
		return "" // the targets say more
	}
	if placement := advisePlacement(text); placement != "" {
		return placement
	}
	return adviseExitCode(task)
}

func advisePulling(text string) string {
	switch {
	case containsAny(text, "toomanyrequests", "rate limit"):
		return advisePullLimit
	case containsAny(text, "i/o timeout", "context deadline", "request canceled", "connection timed out", "network is unreachable", "task network configuration"):
		return adviseNoRoute
	case containsAny(text, "unable to retrieve secret"):
		return adviseSecret
	case containsAny(text, "not authorized", "accessdenied", "access denied", "403 forbidden", "no basic auth"):
		return adviseImageRights
	case containsAny(text, "not found", "manifest unknown", "does not exist"):
		return adviseMissingImage
	}
	return advisePull
}

func adviseExitCode(task StoppedTask) string {
	if task.StopCode != "EssentialContainerExited" {
		return ""
	}
	container, ran := task.cause(contract.ContainerName)
	switch {
	case !ran:
		return ""
	case *container.ExitCode == 137:
		return adviseKilled
	case *container.ExitCode == 126 || *container.ExitCode == 127:
		return adviseCommand
	case *container.ExitCode == 0:
		return adviseEnds
	default:
		return adviseExit
	}
}

func adviseTarget(target TargetHealth) string {
	return map[string]string{
		"Target.ResponseCodeMismatch": adviseHealthPath,
		"Target.Timeout":              adviseTimeout,
		"Target.FailedHealthChecks":   adviseRefused,
		"Elb.InternalError":           adviseBalancer,
	}[target.Reason]
}

func advisePlacement(message string) string {
	text := strings.ToLower(message)
	switch {
	case containsAny(text, "capacity is unavailable"):
		return adviseCapacity
	case containsAny(text, "limit on the number of vcpus", "vcpu limit"):
		return adviseQuota
	}
	return ""
}

func (f BuildFailure) advice() string {
	text := strings.ToLower(strings.Join(append(slices.Clone(f.Messages), f.LogTail...), "\n"))
	switch {
	case f.Phase == "" && len(f.LogTail) == 0:
		return ""
	case containsAny(text, "cannot connect to the docker daemon"):
		return adviseDocker
	case containsAny(text, "toomanyrequests"):
		return advisePullLimit
	case containsAny(text, "exec format error"):
		return adviseArchitecture
	case f.Status == "STOPPED":
		return adviseBuildStopped
	case f.Status == "TIMED_OUT":
		return adviseBuildTime
	}
	return adviseBuild
}

func containsAny(text string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
}
