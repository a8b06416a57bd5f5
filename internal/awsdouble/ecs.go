package awsdouble

import (
	"cmp"
	"fmt"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// TaskFailure is what the tasks of a service that cannot be deployed (FailResource) leave behind.
type TaskFailure struct {
	StoppedReason   string   // of the task, as in "Essential container in task exited"
	ContainerReason string   // of its container, as in "CannotPullContainerError: ..."
	ExitCode        int      // of its container; a negative one where the container never ran
	Log             []string // what it wrote
	// How the load balancer found its target while it ran, as in "Target.Timeout" and "Request timed out". Where these are
	// set the task is stopped for it, as ECS does, and does not end by itself.
	TargetReason, TargetDescription string
}

// TasksFail sets how the tasks of a failing service end.
func (d *Double) TasksFail(f TaskFailure) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tasks = f
}

// service is what AWS::ECS::Service has beyond its properties.
type service struct {
	arn, name, cluster string // cluster is its name
	desired            int
	exec               bool          // EnableExecuteCommand, for tasks that start from now on
	deployments        []*deployment // newest first, as long as they are in the service
	history            []*deployment // all, oldest first
	tasks              []*task       // stopped ones too
	events             []object      // newest first
}

type deployment struct {
	id, definition  string
	status, rollout string // PRIMARY, ACTIVE; IN_PROGRESS, COMPLETED, FAILED
	reason          string
	result          string // of the service deployment
	failed          int
	started, ended  time.Time
}

type task struct {
	id, definition, ip string
	deployment         string
	started, stopped   time.Time
	pending            bool         // started, but not running yet
	stopping           bool         // told to stop
	looks              int          // how often a task that was run once is still seen running
	ends               *TaskFailure // how one ends that does something
	exec               bool         // with the agent of ECS Exec
	image              string       // of a task that was run once
	failure            *TaskFailure
	sick               *TaskFailure // while it runs and its target fails
	reason             string
	server             *httptest.Server // where it is asked itself, on loopback
}

func (t *task) hostname() string { return "ip-" + strings.ReplaceAll(t.ip, ".", "-") + ".ec2.internal" }

func (d *Double) ecsKinds() map[string]kind {
	return map[string]kind{
		"AWS::ECS::Cluster": {
			id: d.named("ClusterName", 255, false), createOnly: []string{"ClusterName"},
			attributes: att(map[string]func(*thing) string{"Arn": func(t *thing) string { return d.arn("ecs", "cluster/"+t.ID) }}),
			removed:    d.clusterRemoved,
		},
		"AWS::ECS::TaskDefinition": {
			id: d.taskDefinitionID,
			createOnly: []string{
				"Family", "ContainerDefinitions", "Cpu", "Memory", "NetworkMode", "ExecutionRoleArn", "TaskRoleArn",
				"RequiresCompatibilities", "RuntimePlatform", "Volumes", "EphemeralStorage",
			},
			attributes: att(map[string]func(*thing) string{"TaskDefinitionArn": itself}),
		},
		"AWS::ECS::Service": {
			id: func(s *stack, logical string, p object) string {
				return d.arn("ecs", "service/"+lastPart(text(p, "Cluster"), "/")+"/"+d.named("ServiceName", 255, false)(s, logical, p))
			},
			createOnly: []string{"Cluster", "ServiceName", "LaunchType", "SchedulingStrategy"},
			attributes: att(map[string]func(*thing) string{
				"ServiceArn": itself, "Name": func(t *thing) string { return lastPart(t.ID, "/") },
			}),
			created: d.serviceCreated, removed: d.serviceRemoved,
		},
	}
}

func (d *Double) taskDefinitionID(s *stack, logical string, p object) string {
	family := text(p, "Family")
	if family == "" {
		family = d.physicalName(s.name, logical, 255)
	}
	d.revisions[family]++
	return d.arn("ecs", "task-definition/"+family+":"+strconv.Itoa(d.revisions[family]))
}

func (d *Double) clusterRemoved(t *thing) error {
	if one := d.oneOffs[t.ID]; one != nil && len(one.living()) > 0 {
		return fail("ClusterContainsTasks", "The Cluster cannot be deleted while Tasks are active. (Service: AmazonECS; Status Code: 400; Error Code: ClusterContainsTasksException; Request ID: %s)", d.uuid())
	}
	for _, s := range d.existing("AWS::ECS::Service") {
		if s.service.cluster == t.ID {
			return fail("ClusterContainsServices", "The Cluster cannot be deleted while Services are active. (Service: AmazonECS; Status Code: 400; Error Code: ClusterContainsServicesException; Request ID: %s)", d.uuid())
		}
	}
	return nil
}

func (d *Double) serviceCreated(t *thing) error {
	desired := 1 // where the template leaves it out
	if t.Properties["DesiredCount"] != nil {
		desired = number(t.Properties, "DesiredCount")
	}
	cluster := lastPart(text(t.Properties, "Cluster"), "/")
	if d.thing("AWS::ECS::Cluster", cluster) == nil {
		return fail("ClusterNotFoundException", "Cluster not found. (Service: AmazonECS; Status Code: 400; Error Code: ClusterNotFoundException; Request ID: %s)", d.uuid())
	}
	t.service = &service{arn: t.ID, name: t.Attributes["Name"], cluster: cluster, desired: desired}
	return nil
}

func (d *Double) serviceRemoved(t *thing) error {
	for _, task := range t.service.tasks {
		d.stopTask(task, "Service deleted", nil)
	}
	t.service.desired = 0
	return nil
}

// deploy rolls a service to what its properties say, or lets the tasks fail until the circuit breaker acts.
func (d *Double) deploy(t *thing, failure string) error {
	s := t.service
	s.exec = flag(t.Properties, "EnableExecuteCommand")
	if t.Properties["DesiredCount"] != nil {
		s.desired = number(t.Properties, "DesiredCount")
	}
	dep := &deployment{
		id: "ecs-svc/" + d.chars("0123456789", 19), definition: text(t.Properties, "TaskDefinition"),
		status: "PRIMARY", rollout: "IN_PROGRESS", result: "IN_PROGRESS", started: d.now(),
	}
	for _, other := range s.deployments {
		other.status = "ACTIVE"
	}
	s.deployments, s.history = append([]*deployment{dep}, s.deployments...), append(s.history, dep)
	s.say(d, fmt.Sprintf("has started %d tasks: (deployment %s).", s.desired, dep.id))
	d.step()
	if failure != "" {
		d.breakCircuit(t, dep)
		return fail("HandlerFailure", "%s", failure)
	}
	started := d.startTasks(s, dep, s.desired)
	d.step()
	for _, old := range s.tasks {
		if !slices.Contains(started, old) {
			d.stopTask(old, "Scaling activity initiated by (deployment "+dep.id+")", nil)
		}
	}
	dep.rollout, dep.result, dep.ended = "COMPLETED", "SUCCESSFUL", d.now()
	dep.reason = "ECS deployment " + dep.id + " completed."
	s.deployments = []*deployment{dep}
	s.say(d, "has reached a steady state.")
	return nil
}

// breakCircuit lets three tasks fail and the deployment with them, then goes back to the one before.
func (d *Double) breakCircuit(t *thing, dep *deployment) {
	s := t.service
	for range 3 {
		failed := d.startTasks(s, dep, 1)[0]
		d.taskLog(failed, d.tasks.Log)
		reason := d.tasks.StoppedReason
		if d.tasks.TargetReason != "" {
			reason = d.failHealthChecks(t, failed)
		}
		d.stopTask(failed, reason, &d.tasks)
		dep.failed++
		d.step()
	}
	dep.rollout, dep.ended = "FAILED", d.now()
	dep.reason = "ECS deployment circuit breaker: tasks failed to start."
	dep.result = "ROLLBACK_FAILED"
	s.say(d, "(deployment "+dep.id+") deployment failed: tasks failed to start.")
	if len(s.deployments) > 1 {
		before := s.deployments[1]
		before.status = "PRIMARY"
		dep.status, dep.result = "ACTIVE", "ROLLBACK_SUCCESSFUL"
		s.deployments = []*deployment{before}
		s.say(d, "rolling back to deployment "+before.id+".")
	}
}

// failHealthChecks lets a task's target be found unhealthy, and returns why ECS then stops the task. The words are those of
// docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html.
func (d *Double) failHealthChecks(t *thing, failed *task) string {
	group := ""
	for _, b := range objects(t.Properties, "LoadBalancers") {
		group = text(b, "TargetGroupArn")
	}
	failed.sick = &d.tasks
	d.step()
	t.service.say(d, fmt.Sprintf("(task %s) (port 8080) is unhealthy in (target-group %s) due to (reason %s).", failed.id, group, d.tasks.TargetDescription))
	return "Task failed ELB health checks in (target-group " + group + ")"
}

func (s *service) say(d *Double, message string) {
	e := object{"id": d.uuid(), "createdAt": d.now(), "message": "(service " + s.name + ") " + message}
	s.events = append([]object{e}, s.events...)
}

func (d *Double) startTasks(s *service, dep *deployment, n int) []*task {
	var started []*task
	for range n {
		d.lastIP++
		t := &task{id: d.hex(32), definition: dep.definition, deployment: dep.id, started: d.now(), exec: s.exec}
		t.ip = fmt.Sprintf("10.0.%d.%d", d.lastIP/200, 10+d.lastIP%200)
		if d.beside {
			t.ip = fmt.Sprintf("127.77.%d.%d", d.lastIP/200, 10+d.lastIP%200)
		}
		s.tasks, started = append(s.tasks, t), append(started, t)
	}
	return started
}

func (d *Double) stopTask(t *task, reason string, failure *TaskFailure) {
	if t.stopped.IsZero() {
		t.stopped, t.reason, t.failure = d.now(), reason, failure
	}
}

func (s *service) running() []*task {
	return slices.DeleteFunc(s.living(), func(t *task) bool { return t.pending })
}

func (s *service) pending() int { return len(s.living()) - len(s.running()) }

// taskLog writes where a task's containers write: the stream prefix/container/task id, by their log configuration.
func (d *Double) taskLog(t *task, lines []string) {
	definition := d.definition(t.definition)
	if definition == nil {
		return
	}
	for _, c := range objects(definition.Properties, "ContainerDefinitions") {
		options := sub(sub(c, "LogConfiguration"), "Options")
		stream := text(options, "awslogs-stream-prefix") + "/" + text(c, "Name") + "/" + t.id
		d.putLog(text(options, "awslogs-group"), stream, lines)
	}
}

// definition finds a task definition by ARN or family:revision, deregistered ones too.
func (d *Double) definition(name string) *thing {
	var found *thing
	for _, t := range d.things {
		family, _, _ := strings.Cut(lastPart(t.ID, "/"), ":")
		if t.Type == "AWS::ECS::TaskDefinition" && !t.deleted && (t.ID == name || lastPart(t.ID, "/") == name || family == name && !t.Gone) {
			found = t
		}
	}
	return found
}

func (d *Double) ecsHandlers() map[string]handler {
	return map[string]handler{
		"DescribeClusters": d.describeClusters, "DescribeServices": d.describeServices, "UpdateService": d.updateService,
		"ListServiceDeployments": d.listServiceDeployments, "DescribeServiceDeployments": d.describeServiceDeployments,
		"DescribeServiceRevisions": d.describeServiceRevisions,
		"DescribeTaskDefinition":   d.describeTaskDefinition, "ListTaskDefinitions": d.listTaskDefinitions,
		"DeregisterTaskDefinition": d.deregisterTaskDefinition, "DeleteTaskDefinitions": d.deleteTaskDefinitions,
		"ListTasks": d.listTasks, "DescribeTasks": d.describeTasks, "StopTask": d.stopTaskCall,
		"ExecuteCommand": d.executeCommand, "RunTask": d.runTask,
	}
}

// ecsThing finds a cluster or a service, inactive ones too, by name or ARN.
func (d *Double) ecsThing(kindName, name string) *thing {
	for _, t := range slices.Backward(d.things) {
		if t.Type == kindName && lastPart(t.ID, "/") == lastPart(name, "/") {
			return t
		}
	}
	return nil
}

func ecsStatus(t *thing) string {
	if t.Gone {
		return "INACTIVE"
	}
	return "ACTIVE"
}

func missing(arn string) object { return object{"arn": arn, "reason": "MISSING"} }

func (d *Double) describeClusters(in object) (object, error) {
	found, failures := list{}, list{}
	for _, name := range texts(in, "clusters") {
		t := d.ecsThing("AWS::ECS::Cluster", name)
		if t == nil {
			failures = append(failures, missing(d.arn("ecs", "cluster/"+lastPart(name, "/"))))
			continue
		}
		found = append(found, object{"clusterArn": t.Attributes["Arn"], "clusterName": t.ID, "status": ecsStatus(t)})
	}
	return object{"clusters": found, "failures": failures}, nil
}

// cluster checks that the cluster of a request exists.
func (d *Double) cluster(in object) (*thing, error) {
	t := d.ecsThing("AWS::ECS::Cluster", text(in, "cluster"))
	switch {
	case t == nil:
		return nil, fail("ClusterNotFoundException", "Cluster not found.")
	case t.Gone:
		return nil, fail("ClusterNotFoundException", "The referenced cluster was inactive.")
	}
	return t, nil
}

func (d *Double) describeServices(in object) (object, error) {
	if t := d.ecsThing("AWS::ECS::Cluster", text(in, "cluster")); t == nil {
		return nil, fail("ClusterNotFoundException", "Cluster not found.")
	}
	found, failures := list{}, list{}
	for _, name := range texts(in, "services") {
		t := d.ecsThing("AWS::ECS::Service", name)
		if t == nil || t.service == nil || t.service.cluster != lastPart(text(in, "cluster"), "/") {
			failures = append(failures, missing(name))
			continue
		}
		found = append(found, d.serviceAnswer(t))
	}
	return object{"services": found, "failures": failures}, nil
}

func (d *Double) serviceAnswer(t *thing) object {
	s := t.service
	deployments := list{}
	for _, dep := range s.deployments {
		deployments = append(deployments, object{
			"id": dep.id, "status": dep.status, "taskDefinition": dep.definition, "rolloutState": dep.rollout,
			"rolloutStateReason": opt(dep.reason), "failedTasks": dep.failed, "createdAt": dep.started, "updatedAt": dep.started,
			"desiredCount": s.desired, "runningCount": len(s.of(dep)), "pendingCount": 0,
		})
	}
	definition := text(t.Properties, "TaskDefinition")
	if len(s.deployments) > 0 {
		definition = s.deployments[0].definition
	}
	balancers := list{}
	for _, b := range objects(t.Properties, "LoadBalancers") {
		balancers = append(balancers, camel(b))
	}
	return object{
		"serviceArn": s.arn, "serviceName": s.name, "clusterArn": d.arn("ecs", "cluster/"+s.cluster), "status": ecsStatus(t),
		"desiredCount": s.desired, "runningCount": len(s.running()), "pendingCount": s.pending(), "taskDefinition": definition,
		"deployments": deployments, "events": asList(s.events), "createdAt": t.Created, "loadBalancers": balancers,
		"deploymentConfiguration": camel(t.Properties["DeploymentConfiguration"]),
		"networkConfiguration":    camel(t.Properties["NetworkConfiguration"]),
	}
}

func (s *service) of(dep *deployment) []*task {
	return slices.DeleteFunc(s.running(), func(t *task) bool { return t.deployment != dep.id })
}

// camel turns a property as CloudFormation spells it into ECS's own spelling.
func camel(v any) any {
	switch v := v.(type) {
	case list:
		out := make(list, len(v))
		for i := range v {
			out[i] = camel(v[i])
		}
		return out
	case object:
		out := object{}
		for key, value := range v {
			first := []rune(key)
			first[0] = unicode.ToLower(first[0])
			if key != "Options" && key != "DockerLabels" { // maps of the user's own keys
				value = camel(value)
			}
			out[string(first)] = value
		}
		return out
	}
	return v
}

func (d *Double) mustService(in object) (*thing, error) {
	if _, err := d.cluster(in); err != nil {
		return nil, err
	}
	t := d.ecsThing("AWS::ECS::Service", text(in, "service"))
	switch {
	case t == nil:
		return nil, fail("ServiceNotFoundException", "Service not found.")
	case t.Gone:
		return nil, fail("ServiceNotActiveException", "Service was not ACTIVE.")
	}
	return t, nil
}

func (d *Double) updateService(in object) (object, error) {
	t, err := d.mustService(in)
	if err != nil {
		return nil, err
	}
	s := t.service
	if in["desiredCount"] != nil {
		s.desired = number(in, "desiredCount")
	}
	running := s.living()
	for i := s.desired; i < len(running); i++ {
		d.stopTask(running[i], "Scaling activity initiated by (service "+s.name+")", nil)
	}
	if more := s.desired - len(running); more > 0 && len(s.deployments) > 0 {
		d.startTasks(s, s.deployments[0], more)
	}
	return object{"service": d.serviceAnswer(t)}, nil
}

func (s *service) deploymentARN(d *Double, dep *deployment) string {
	return d.arn("ecs", "service-deployment/"+s.cluster+"/"+s.name+"/"+lastPart(dep.id, "/"))
}

func (s *service) revisionARN(d *Double, dep *deployment) string {
	return d.arn("ecs", "service-revision/"+s.cluster+"/"+s.name+"/"+lastPart(dep.id, "/"))
}

func (d *Double) listServiceDeployments(in object) (object, error) {
	t, err := d.mustService(in)
	if err != nil {
		return nil, err
	}
	s := t.service
	wanted := texts(in, "status")
	var found []object
	for _, dep := range slices.Backward(s.history) {
		if len(wanted) == 0 || slices.Contains(wanted, dep.result) {
			found = append(found, object{
				"serviceDeploymentArn": s.deploymentARN(d, dep), "serviceArn": s.arn, "clusterArn": d.arn("ecs", "cluster/"+s.cluster),
				"status": dep.result, "statusReason": opt(dep.reason), "createdAt": dep.started, "startedAt": dep.started,
				"finishedAt": optTime(dep.ended), "targetServiceRevisionArn": s.revisionARN(d, dep),
			})
		}
	}
	found, next := page(d, found, text(in, "nextToken"), number(in, "maxResults"))
	return object{"serviceDeployments": asList(found), "nextToken": opt(next)}, nil
}

// eachDeployment visits all deployments of all services.
func (d *Double) eachDeployment(visit func(s *service, dep *deployment)) {
	for _, t := range d.things {
		if t.service == nil {
			continue
		}
		for _, dep := range t.service.history {
			visit(t.service, dep)
		}
	}
}

func (d *Double) describeServiceDeployments(in object) (object, error) {
	wanted, found := texts(in, "serviceDeploymentArns"), list{}
	d.eachDeployment(func(s *service, dep *deployment) {
		if !slices.Contains(wanted, s.deploymentARN(d, dep)) {
			return
		}
		found = append(found, object{
			"serviceDeploymentArn": s.deploymentARN(d, dep), "serviceArn": s.arn, "clusterArn": d.arn("ecs", "cluster/"+s.cluster),
			"status": dep.result, "statusReason": opt(dep.reason), "createdAt": dep.started, "startedAt": dep.started,
			"finishedAt": optTime(dep.ended),
			"targetServiceRevision": object{
				"arn": s.revisionARN(d, dep), "requestedTaskCount": s.desired, "runningTaskCount": len(s.of(dep)), "pendingTaskCount": 0,
			},
			"deploymentCircuitBreaker": object{"status": breaker(dep), "failureCount": dep.failed, "threshold": 3},
		})
	})
	return object{"serviceDeployments": found, "failures": list{}}, nil
}

func breaker(dep *deployment) string {
	switch dep.rollout {
	case "FAILED":
		return "TRIGGERED"
	case "COMPLETED":
		return "MONITORING_COMPLETE"
	}
	return "MONITORING"
}

func (d *Double) describeServiceRevisions(in object) (object, error) {
	wanted, found := texts(in, "serviceRevisionArns"), list{}
	d.eachDeployment(func(s *service, dep *deployment) {
		if slices.Contains(wanted, s.revisionARN(d, dep)) {
			found = append(found, object{
				"serviceRevisionArn": s.revisionARN(d, dep), "serviceArn": s.arn, "clusterArn": d.arn("ecs", "cluster/"+s.cluster),
				"taskDefinition": dep.definition, "createdAt": dep.started,
			})
		}
	})
	return object{"serviceRevisions": found, "failures": list{}}, nil
}

func (d *Double) definitionAnswer(t *thing) object {
	out, _ := camel(t.Properties).(object)
	family, revision, _ := strings.Cut(lastPart(t.ID, "/"), ":")
	delete(out, "tags")
	out["taskDefinitionArn"], out["family"], out["status"] = t.ID, family, definitionStatus(t)
	out["revision"], _ = strconv.Atoi(revision)
	return out
}

func definitionStatus(t *thing) string {
	switch {
	case t.deleting:
		return "DELETE_IN_PROGRESS"
	case t.Gone:
		return "INACTIVE"
	}
	return "ACTIVE"
}

func (d *Double) describeTaskDefinition(in object) (object, error) {
	t := d.definition(text(in, "taskDefinition"))
	if t == nil {
		return nil, fail("ClientException", "Unable to describe task definition.")
	}
	return object{"taskDefinition": d.definitionAnswer(t), "tags": d.tagList(t, "key", "value")}, nil
}

func (d *Double) listTaskDefinitions(in object) (object, error) {
	status := text(in, "status")
	if status == "" {
		status = "ACTIVE"
	}
	var arns []string
	for _, t := range d.things {
		family, _, _ := strings.Cut(lastPart(t.ID, "/"), ":")
		prefix := text(in, "familyPrefix")
		if t.Type == "AWS::ECS::TaskDefinition" && !t.deleted && definitionStatus(t) == status && (prefix == "" || family == prefix) {
			arns = append(arns, t.ID)
		}
	}
	if text(in, "sort") == "DESC" {
		slices.Reverse(arns)
	}
	arns, next := page(d, arns, text(in, "nextToken"), number(in, "maxResults"))
	return object{"taskDefinitionArns": asList(arns), "nextToken": opt(next)}, nil
}

func (d *Double) deregisterTaskDefinition(in object) (object, error) {
	t := d.definition(text(in, "taskDefinition"))
	if t == nil {
		return nil, fail("ClientException", "The specified task definition does not exist.")
	}
	t.Gone = true
	return object{"taskDefinition": d.definitionAnswer(t)}, nil
}

func (d *Double) deleteTaskDefinitions(in object) (object, error) {
	names := texts(in, "taskDefinitions")
	if len(names) > 10 {
		return nil, fail("InvalidParameterException", "Number of taskDefinitions provided exceeds limit of 10.")
	}
	done, failures := list{}, list{}
	for _, name := range names {
		t := d.definition(name)
		switch {
		case t == nil:
			failures = append(failures, object{"arn": name, "reason": "TASK_DEFINITION_NOT_FOUND"})
		case !t.Gone:
			failures = append(failures, object{"arn": name, "reason": "The specified task definition is still in ACTIVE status. Please deregister the target and try again."})
		default:
			t.deleting = true
			done = append(done, d.definitionAnswer(t))
		}
	}
	return object{"taskDefinitions": done, "failures": failures}, nil
}

// tasksOf lists a cluster's tasks with their services.
func (d *Double) tasksOf(cluster string, visit func(s *service, t *task)) {
	if s := d.oneOffs[cluster]; s != nil {
		for _, one := range s.tasks {
			visit(s, one)
		}
	}
	for _, t := range d.things {
		if t.service == nil || t.service.cluster != cluster {
			continue
		}
		for _, one := range t.service.tasks {
			visit(t.service, one)
		}
	}
}

func (d *Double) taskARN(s *service, t *task) string { return d.arn("ecs", "task/"+s.cluster+"/"+t.id) }

func (d *Double) listTasks(in object) (object, error) {
	cluster, err := d.cluster(in)
	if err != nil {
		return nil, err
	}
	status, name, family := text(in, "desiredStatus"), lastPart(text(in, "serviceName"), "/"), text(in, "family")
	if status == "" {
		status = "RUNNING"
	}
	var arns []string
	d.tasksOf(cluster.ID, func(s *service, t *task) {
		if ((t.stopped.IsZero() && !t.stopping) == (status == "RUNNING")) && (name == "" || s.name == name) && (family == "" || familyOf(t) == family) {
			arns = append(arns, d.taskARN(s, t))
		}
	})
	arns, next := page(d, arns, text(in, "nextToken"), number(in, "maxResults"))
	return object{"taskArns": asList(arns), "nextToken": opt(next)}, nil
}

func (d *Double) describeTasks(in object) (object, error) {
	cluster, err := d.cluster(in)
	if err != nil {
		return nil, err
	}
	found, failures := list{}, list{}
	for _, wanted := range texts(in, "tasks") {
		before := len(found)
		d.tasksOf(cluster.ID, func(s *service, t *task) {
			if t.id == lastPart(wanted, "/") {
				d.goOn(t)
				found = append(found, d.taskAnswer(s, t))
			}
		})
		if len(found) == before {
			failures = append(failures, missing(wanted))
		}
	}
	return object{"tasks": found, "failures": failures}, nil
}

func (d *Double) taskAnswer(s *service, t *task) object {
	status, desired := "RUNNING", "RUNNING"
	switch {
	case t.stopping && t.stopped.IsZero():
		status, desired = "DEACTIVATING", "STOPPED"
	case !t.stopped.IsZero():
		status, desired = "STOPPED", "STOPPED"
	case t.pending:
		status = "PENDING"
	}
	started := any(t.started)
	if t.pending {
		started = nil
	}
	stopCode, group, startedBy := any(nil), "service:"+s.name, t.deployment
	if s.name == "" {
		group, startedBy = "family:"+familyOf(t), s.arn
	}
	if t.stopping {
		stopCode = "UserInitiated"
	}
	if t.failure != nil && !t.stopping {
		stopCode = "EssentialContainerExited"
		if t.sick != nil {
			stopCode = "ServiceSchedulerInitiated"
		}
		if t.failure.ExitCode < 0 {
			stopCode = "TaskFailedToStart"
		}
	}
	return object{
		"taskArn": d.taskARN(s, t), "clusterArn": d.arn("ecs", "cluster/"+s.cluster), "taskDefinitionArn": t.definition,
		"lastStatus": status, "desiredStatus": desired, "group": group, "startedBy": startedBy,
		"createdAt": t.started, "startedAt": started, "stoppedAt": optTime(t.stopped), "stoppedReason": opt(t.reason),
		"stopCode": stopCode, "containers": d.containerAnswers(t, status), "launchType": "FARGATE", "healthStatus": "UNKNOWN",
		"enableExecuteCommand": t.exec, "availabilityZone": d.Region + "a",
		"attachments": list{object{"type": "ElasticNetworkInterface", "status": "ATTACHED", "details": list{
			object{"name": "privateDnsName", "value": t.hostname()}, object{"name": "privateIPv4Address", "value": t.ip},
		}}},
	}
}

// containerAnswers are a task's containers as its definition lists them; each ends as the task does.
func (d *Double) containerAnswers(t *task, status string) list {
	definition := d.definition(t.definition)
	if definition == nil {
		return list{}
	}
	answers := list{}
	for i, c := range objects(definition.Properties, "ContainerDefinitions") {
		answer := object{
			"name": text(c, "Name"), "image": text(c, "Image"), "lastStatus": status,
			"runtimeId": t.id + "-" + strconv.Itoa(1000000000+i),
		}
		switch {
		case t.failure != nil:
			answer["reason"] = opt(t.failure.ContainerReason)
			if t.failure.ExitCode >= 0 {
				answer["exitCode"] = t.failure.ExitCode
			}
		case status == "STOPPED":
			answer["exitCode"] = 0
		case t.exec:
			answer["managedAgents"] = list{object{"name": "ExecuteCommandAgent", "lastStatus": cmp.Or(d.agentStatus, "RUNNING"), "reason": opt(d.agentReason)}}
		}
		answers = append(answers, answer)
	}
	return answers
}

// executeCommand answers a session that leads nowhere, with the messages of the service's own
// (docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ExecuteCommand.html).
func (d *Double) executeCommand(in object) (object, error) {
	cluster, err := d.cluster(in)
	if err != nil {
		return nil, err
	}
	answer := object(nil)
	d.tasksOf(cluster.ID, func(s *service, t *task) {
		if t.id == lastPart(text(in, "task"), "/") && t.exec && cmp.Or(d.agentStatus, "RUNNING") == "RUNNING" {
			answer = object{
				"clusterArn": d.arn("ecs", "cluster/"+s.cluster), "taskArn": d.taskARN(s, t), "containerName": text(in, "container"), "interactive": in["interactive"],
				"session": object{
					"sessionId": "ecs-execute-command-" + d.hex(17), "tokenValue": d.hex(32),
					"streamUrl": "wss://ssmmessages." + d.Region + ".amazonaws.com/v1/data-channel/ecs-execute-command-" + d.hex(17) + "?role=publish_subscribe",
				},
			}
		}
	})
	if answer == nil {
		return nil, fail("InvalidParameterException", "The execute command failed because execute command was not enabled when the task was run or the execute command agent isn’t running. Wait and try again or run a new task with execute command enabled and try again.")
	}
	return answer, nil
}

func (d *Double) stopTaskCall(in object) (object, error) {
	cluster, err := d.cluster(in)
	if err != nil {
		return nil, err
	}
	answer := object(nil)
	d.tasksOf(cluster.ID, func(s *service, t *task) {
		if t.id == lastPart(text(in, "task"), "/") {
			if s.name == "" {
				d.stopOneOff(t, text(in, "reason"))
			} else {
				d.stopTask(t, text(in, "reason"), nil)
			}
			answer = object{"task": d.taskAnswer(s, t)}
		}
	})
	if answer == nil {
		return nil, fail("InvalidParameterException", "The referenced task was not found.")
	}
	return answer, nil
}
