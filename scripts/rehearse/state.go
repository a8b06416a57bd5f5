package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"slipway/internal/contract"
	"slipway/internal/local"
)

const requestTimeout = 5 * time.Second

// engine is what the rehearsal sees of AWS: the engine's own state, by AWS's own API, and none of slipway's records.
type engine struct {
	stacks   *cloudformation.Client
	tasks    *ecs.Client
	pipeline *codepipeline.Client
	builds   *codebuild.Client
	logs     *cloudwatchlogs.Client

	name         string              // of the application
	environments []string            // in the order of promotion
	outputs      map[string]settings // of each environment's stack
}

type settings map[string]string

// watching connects to the copy's engine and reads what the launch has made there.
func watching(ctx context.Context, root, name string, environments []string) (*engine, error) {
	found, err := local.Find(root)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, errors.New("no local engine runs after the launch")
	}
	cfg := found.AWSConfig()
	e := &engine{
		stacks: cloudformation.NewFromConfig(cfg), tasks: ecs.NewFromConfig(cfg), pipeline: codepipeline.NewFromConfig(cfg),
		builds: codebuild.NewFromConfig(cfg), logs: cloudwatchlogs.NewFromConfig(cfg),
		name: name, environments: environments, outputs: map[string]settings{},
	}
	for _, environment := range environments {
		stack := contract.EnvironmentStackName(name, environment)
		out, err := e.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &stack})
		if err != nil {
			return nil, err
		}
		of := settings{}
		for _, output := range out.Stacks[0].Outputs {
			of[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
		}
		e.outputs[environment] = of
	}
	return e, nil
}

// home is the environment whose stack has the pipeline.
func (e *engine) home() string { return e.environments[len(e.environments)-1] }

func (e *engine) pipelineName() *string { return new(e.outputs[e.home()][contract.KeyPipelineName]) }

// running is the digest that each environment runs, by ECS: the image of its service's task definition, which all running
// tasks must have.
func (e *engine) running(ctx context.Context) (map[string]string, error) {
	digests := map[string]string{}
	for _, environment := range e.environments {
		digest, err := e.digest(ctx, e.outputs[environment])
		if err != nil {
			return nil, fmt.Errorf("what runs in %s: %w", environment, err)
		}
		digests[environment] = digest
	}
	return digests, nil
}

func (e *engine) digest(ctx context.Context, outputs settings) (string, error) {
	cluster, name := outputs[contract.KeyClusterName], outputs[contract.KeyServiceName]
	services, err := e.tasks.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{name}})
	if err != nil {
		return "", err
	}
	if len(services.Services) != 1 {
		return "", fmt.Errorf("ECS has no service %s", name)
	}
	definition := services.Services[0].TaskDefinition
	defined, err := e.tasks.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: definition})
	if err != nil {
		return "", err
	}
	listed, err := e.tasks.ListTasks(ctx, &ecs.ListTasksInput{Cluster: &cluster, ServiceName: &name})
	if err != nil {
		return "", err
	}
	if len(listed.TaskArns) == 0 {
		return "", errors.New("no task runs")
	}
	tasks, err := e.tasks.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &cluster, Tasks: listed.TaskArns})
	if err != nil {
		return "", err
	}
	for _, task := range tasks.Tasks {
		if got, want := aws.ToString(task.TaskDefinitionArn), aws.ToString(definition); got != want {
			return "", fmt.Errorf("task %s is of %s, the service of %s", aws.ToString(task.TaskArn), got, want)
		}
	}
	for _, container := range defined.TaskDefinition.ContainerDefinitions {
		if aws.ToString(container.Name) == contract.ContainerName {
			return digestOf(aws.ToString(container.Image))
		}
	}
	return "", fmt.Errorf("%s has no container %s", aws.ToString(definition), contract.ContainerName)
}

func digestOf(image string) (string, error) {
	_, digest, found := strings.Cut(image, "@")
	if !found || !contract.IsDigest(image) {
		return "", fmt.Errorf("the image %q is not named by its digest", image)
	}
	return digest, nil
}

// get asks an environment's service and returns the body of a 200.
func (e *engine) get(ctx context.Context, environment, path string) (string, error) {
	url := strings.TrimSuffix(e.outputs[environment][contract.KeyServiceURL], "/") + path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	client := http.Client{Timeout: requestTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s answers %s", url, answer.Status)
	}
	return strings.TrimSpace(string(body)), err
}

// log is all that a build has written to its log group.
func (e *engine) log(ctx context.Context, streamARN string) (string, error) {
	// arn:aws:logs:REGION:ACCOUNT:log-group:GROUP:log-stream:STREAM
	_, place, _ := strings.Cut(streamARN, ":log-group:")
	group, stream, found := strings.Cut(place, ":log-stream:")
	if !found {
		return "", fmt.Errorf("the build's log has no place: %q", streamARN)
	}
	var text strings.Builder
	input := &cloudwatchlogs.GetLogEventsInput{LogGroupName: &group, LogStreamName: &stream, StartFromHead: new(true)}
	pages := cloudwatchlogs.NewGetLogEventsPaginator(e.logs, input, func(o *cloudwatchlogs.GetLogEventsPaginatorOptions) {
		o.StopOnDuplicateToken = true // the last page names itself as the next
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", err
		}
		for _, event := range page.Events {
			fmt.Fprintln(&text, aws.ToString(event.Message))
		}
	}
	return text.String(), nil
}
