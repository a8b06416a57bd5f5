package stacks

import (
	"github.com/awslabs/goformation/v7/cloudformation/codebuild"

	"slipway/internal/cfn"
	"slipway/internal/config"
)

// The build images, which bring Go 1.26 and Docker (docs.aws.amazon.com/codebuild/latest/userguide/available-runtimes.html).
const (
	buildImageX86   = "aws/codebuild/amazonlinux-x86_64-standard:6.0"
	buildImageARM64 = "aws/codebuild/amazonlinux-aarch64-standard:3.0"
)

// buildEnvironment is a machine of the service's own architecture, so that no image is built under emulation.
// Privileged is what a Docker daemon inside the build needs; only the image build has one.
func buildEnvironment(arch config.Architecture, privileged bool, variables ...codebuild.Project_EnvironmentVariable) *codebuild.Project_Environment {
	env := &codebuild.Project_Environment{
		Type:                     "LINUX_CONTAINER",
		ComputeType:              "BUILD_GENERAL1_SMALL",
		Image:                    buildImageX86,
		ImagePullCredentialsType: new("CODEBUILD"),
		PrivilegedMode:           new(privileged),
		EnvironmentVariables:     variables,
	}
	if arch == config.ARM64 {
		env.Type, env.Image = "ARM_CONTAINER", buildImageARM64
	}
	return env
}

func variable(name, value string) codebuild.Project_EnvironmentVariable {
	return codebuild.Project_EnvironmentVariable{Name: name, Value: value}
}

func logsTo(group cfn.Handle) *codebuild.Project_LogsConfig {
	return &codebuild.Project_LogsConfig{CloudWatchLogs: &codebuild.Project_CloudWatchLogsConfig{Status: "ENABLED", GroupName: new(group.Ref())}}
}
