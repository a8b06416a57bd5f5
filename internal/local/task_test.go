package local

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

const (
	ssmARN    = "arn:aws:ssm:us-east-1:000000000000:parameter"
	secretARN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:"
)

// keep puts values into the engine's stores of secrets.
func (b *bench) keep(service, target string, values ...string) {
	b.Helper()
	for _, value := range values {
		answer := ask(b.T, b.e, service, map[string]string{"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}, value)
		if strings.Contains(answer, "__type") {
			b.Fatal(answer)
		}
	}
}

// runTask runs containers once and returns the task when it runs or has ended.
func (b *bench) runTask(containers ...ecstypes.ContainerDefinition) ecstypes.Task {
	b.Helper()
	client := ecs.NewFromConfig(b.e.AWSConfig())
	if _, err := client.CreateCluster(b.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("tasks")}); err != nil {
		b.Fatal(err)
	}
	definition, err := client.RegisterTaskDefinition(b.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("task"), NetworkMode: ecstypes.NetworkModeAwsvpc, Cpu: aws.String("256"), Memory: aws.String("512"), ContainerDefinitions: containers,
	})
	if err != nil {
		b.Fatal(err)
	}
	started, err := client.RunTask(b.Context(), &ecs.RunTaskInput{Cluster: aws.String("tasks"), TaskDefinition: definition.TaskDefinition.TaskDefinitionArn})
	if err != nil {
		b.Fatal(err)
	}
	var task ecstypes.Task
	waitFor(b.T, time.Minute, "the task", func() bool {
		found, err := client.DescribeTasks(b.Context(), &ecs.DescribeTasksInput{Cluster: aws.String("tasks"), Tasks: []string{*started.Tasks[0].TaskArn}})
		if err != nil {
			b.Fatal(err)
		}
		task = found.Tasks[0]
		return slices.Contains([]string{"RUNNING", "STOPPED"}, *task.LastStatus)
	})
	return task
}

func (b *bench) server(secrets map[string]string) ecstypes.ContainerDefinition {
	c := ecstypes.ContainerDefinition{
		Name: aws.String("app"), Image: &b.image, Essential: aws.Bool(true), PortMappings: []ecstypes.PortMapping{{ContainerPort: aws.Int32(8080)}},
		Environment: []ecstypes.KeyValuePair{{Name: aws.String("PORT"), Value: aws.String("8080")}},
	}
	for name, place := range secrets {
		c.Secrets = append(c.Secrets, ecstypes.Secret{Name: &name, ValueFrom: &place})
	}
	return c
}

// environmentOf is what a running task of the server has in its environment.
func (b *bench) environmentOf(task ecstypes.Task) []string {
	b.Helper()
	var address string
	for _, d := range task.Attachments[0].Details {
		if *d.Name == "privateIPv4Address" {
			address = *d.Value
		}
	}
	var variables []string
	waitFor(b.T, 10*time.Second, "the server", func() bool {
		answer, err := http.Get("http://" + address + ":8080/env")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		return json.NewDecoder(answer.Body).Decode(&variables) == nil
	})
	return variables
}

// TestSecrets: a task has the value of just the secret that it names, from the stores or the user's file, or says what is missing.
func TestSecrets(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.keep("ssm", "AmazonSSM.PutParameter", `{"Name":"/shop/plain","Type":"String","Value":"of ssm"}`, `{"Name":"/shop/secure","Type":"SecureString","Value":"encrypted"}`)
	b.keep("secretsmanager", "secretsmanager.CreateSecret",
		`{"Name":"shop-other","SecretString":"another"}`, `{"Name":"shop","SecretString":"of secretsmanager"}`, `{"Name":"json","SecretString":"{\"key\":\"of json\",\"port\":5432}"}`)
	kept := "ssm:/kept: of the file\nsecretsmanager:kept: '{\"key\": \"of the file''s json\"}'\nssm:/zero: 0123\n"
	if err := os.WriteFile(b.e.root.secrets(), []byte(kept), 0o600); err != nil {
		t.Fatal(err)
	}
	got := b.environmentOf(b.runTask(b.server(map[string]string{
		"S_PLAIN": ssmARN + "/shop/plain", "S_SECURE": ssmARN + "/shop/secure", "S_SHOP": secretARN + "shop", "S_KEY": secretARN + "json:key::", "S_PORT": secretARN + "json:port::",
		"S_KEPT": ssmARN + "/kept", "S_KEPT_KEY": secretARN + "kept:key::", "S_ZERO": ssmARN + "/zero",
	})))
	for _, want := range []string{
		"S_PLAIN=of ssm", "S_SECURE=encrypted", "S_SHOP=of secretsmanager", "S_KEY=of json", "S_PORT=5432", "S_KEPT=of the file", "S_KEPT_KEY=of the file's json", "S_ZERO=0123",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("the task has no %s", want)
		}
	}
	for place, want := range map[string]string{
		ssmARN + "/shop/none":         "secret S: the local engine has no ssm:/shop/none; write it into .slipway/local/secrets.yaml",
		secretARN + "sho":             "secret S: the local engine has no secretsmanager:sho; write it into",
		secretARN + "json:absent::":   "secret S: secretsmanager:json is no JSON object with the key absent",
		secretARN + "shop:anything::": "secret S: secretsmanager:shop is no JSON object with the key anything",
	} {
		task := b.runTask(b.server(map[string]string{"S": place}))
		if *task.LastStatus != "STOPPED" || !strings.Contains(aws.ToString(task.StoppedReason), want) {
			t.Errorf("%s: %s, %s; want %q", place, *task.LastStatus, aws.ToString(task.StoppedReason), want)
		}
	}
	if err := os.WriteFile(b.e.root.secrets(), []byte("ssm:/kept: [\"top secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	task := b.runTask(b.server(map[string]string{"S": ssmARN + "/kept"}))
	if reason := aws.ToString(task.StoppedReason); !strings.Contains(reason, "secrets.yaml cannot be read as YAML") || strings.Contains(reason, "top") {
		t.Errorf("a broken file: %s", reason)
	}
}

// sidecar is a container whose image is in no registry that the engine knows.
func sidecar(image string) ecstypes.ContainerDefinition {
	return ecstypes.ContainerDefinition{
		Name: aws.String("agent"), Image: &image, Essential: aws.Bool(true),
		LogConfiguration: &ecstypes.LogConfiguration{LogDriver: ecstypes.LogDriverAwslogs, Options: map[string]string{
			"awslogs-group": "tasks", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "ecs",
		}},
	}
}

// TestSidecarsAreLeftOut: as processes the application runs alone, and the sidecar's log says so.
func TestSidecarsAreLeftOut(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	logs := cloudwatchlogs.NewFromConfig(b.e.AWSConfig())
	if _, err := logs.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("tasks")}); err != nil {
		t.Fatal(err)
	}
	task := b.runTask(b.server(nil), sidecar("public.example.com/agent@sha256:"+strings.Repeat("0", 64)))
	if *task.LastStatus != "RUNNING" {
		t.Fatalf("the task is %s: %s", *task.LastStatus, aws.ToString(task.StoppedReason))
	}
	if got := b.environmentOf(task); !slices.Contains(got, "PORT=8080") {
		t.Errorf("the application has %v", got)
	}
	stream := "ecs/agent/" + (*task.TaskArn)[strings.LastIndex(*task.TaskArn, "/")+1:]
	waitFor(t, 10*time.Second, "the sidecar's log", func() bool {
		found, err := logs.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("tasks"), LogStreamName: &stream})
		return err == nil && len(found.Events) == 1 && strings.Contains(*found.Events[0].Message, "This sidecar is left out")
	})
	client := ecs.NewFromConfig(b.e.AWSConfig())
	if _, err := client.StopTask(t.Context(), &ecs.StopTaskInput{Cluster: aws.String("tasks"), Task: task.TaskArn}); err != nil {
		t.Fatal(err)
	}
}

// TestSidecarsInDocker: the containers of a task share its network, and what the task definition says of users and file systems holds.
func TestSidecarsInDocker(t *testing.T) {
	t.Parallel()
	if _, err := dockerHost(t.Context()); err != nil {
		t.Skipf("no Docker daemon answers: %v", err)
	}
	b := newBench(t, WithRuntime(RuntimeDocker))
	beside := sidecar(b.image)
	beside.LogConfiguration = nil
	beside.Environment = []ecstypes.KeyValuePair{{Name: aws.String("PORT"), Value: aws.String("9090")}}
	app := b.server(nil)
	app.User, app.ReadonlyRootFilesystem = aws.String("1000:1000"), aws.Bool(true)
	app.LinuxParameters = &ecstypes.LinuxParameters{InitProcessEnabled: aws.Bool(true), Capabilities: &ecstypes.KernelCapabilities{Drop: []string{"ALL"}}}
	task := b.runTask(app, beside)
	if *task.LastStatus != "RUNNING" {
		t.Fatalf("the task is %s: %s", *task.LastStatus, aws.ToString(task.StoppedReason))
	}
	inspect := func(name, format string) string {
		id, err := docker(t.Context(), "ps", "--quiet", "--no-trunc", "--filter", "label="+containerLabel+"="+b.e.token, "--filter", "label=com.amazonaws.ecs.container-name="+name)
		if err != nil {
			t.Fatal(err)
		}
		out, err := docker(t.Context(), "inspect", "--format", format, strings.TrimSpace(id))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out)
	}
	if got, want := inspect("agent", "{{.HostConfig.NetworkMode}}"), "container:"+inspect("app", "{{.Id}}"); got != want {
		t.Errorf("the sidecar's network is %s, want %s", got, want)
	}
	const held = "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.Init}} {{.HostConfig.CapDrop}}"
	if got := inspect("app", held); got != "1000:1000 true true [ALL]" {
		t.Errorf("user, read-only root, init and dropped capabilities are %s", got)
	}
	if got := inspect("agent", held); strings.Contains(got, "true") {
		t.Errorf("nothing was said of the sidecar, and it has %s", got)
	}
	client := ecs.NewFromConfig(b.e.AWSConfig())
	if _, err := client.StopTask(t.Context(), &ecs.StopTaskInput{Cluster: aws.String("tasks"), Task: task.TaskArn}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, 90*time.Second, "the containers' end", func() bool { return containersOf(t, b.e) == "" })
}
