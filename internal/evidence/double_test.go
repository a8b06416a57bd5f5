package evidence_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"slipway/internal/evidence"
)

const (
	groupARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop/73e2d6bc24d8a067"
	taskARN  = "arn:aws:ecs:eu-central-1:123456789012:task/shop-prod/1234567890abcdef"
)

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func target() evidence.Target {
	return evidence.Target{
		Cluster: "shop-prod", Service: "shop-web", TargetGroupARN: groupARN,
		LogGroup: "/shop/web", ContainerName: "app", Since: start,
	}
}

// double answers actions with recorded documents; an action without one is refused.
type double struct {
	mu      sync.Mutex
	answers map[string]string // by action
	bodies  []string          // what was asked, "Action body"
}

func (d *double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if form := regexp.MustCompile(`(?:^|&)Action=([A-Za-z]+)`).FindSubmatch(body); form != nil {
		action = string(form[1])
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bodies = append(d.bodies, action+" "+string(body))
	answer, known := d.answers[action]
	switch {
	case known:
		_, _ = io.WriteString(w, answer)
	case strings.Contains(string(body), "Action="):
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized to perform %s</Message></Error></ErrorResponse>`, action)
	default:
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"__type":"AccessDeniedException","message":"not authorized to perform %s"}`, action)
	}
}

// asked returns the body with which an action was called, or an empty one.
func (d *double) asked(action string) string {
	i := slices.IndexFunc(d.bodies, func(body string) bool { return strings.HasPrefix(body, action+" ") })
	if i < 0 {
		return ""
	}
	return d.bodies[i]
}

func serve(t *testing.T, answers map[string]string) (*double, evidence.Clients) {
	t.Helper()
	d := &double{answers: answers}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	return d, evidence.NewClients(aws.Config{
		Region: "eu-central-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		// A server that answers at once can make the SDK close the connection under its own reading; it then tries again.
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = 5
				o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return time.Millisecond, nil })
			})
		},
	})
}

// task is one of DescribeTasks' answer; at is in seconds after the start of the deployment.
type task struct {
	id, group, reason, code string
	exit                    string // JSON
	containerReason         string
	sidecar                 string // its exit code; empty for none
	at                      int
}

func tasks(list ...task) map[string]string {
	quote := func(text string) []byte { quoted, _ := json.Marshal(text); return quoted }
	var arns, documents []string
	for _, one := range list {
		arn := "arn:aws:ecs:eu-central-1:123456789012:task/shop-prod/" + one.id
		arns = append(arns, fmt.Sprintf("%q", arn))
		containers := fmt.Sprintf(`{"name":"app","exitCode":%s,"reason":%s}`, cmp.Or(one.exit, "null"), quote(one.containerReason))
		if one.sidecar != "" {
			containers = fmt.Sprintf(`{"name":"agent","exitCode":%s},`, one.sidecar) + containers // ECS lists them in any order
		}
		documents = append(documents, fmt.Sprintf(
			`{"taskArn":%q,"group":%q,"stoppedReason":%s,"stopCode":%q,"stoppedAt":%d,"containers":[%s]}`,
			arn, cmp.Or(one.group, "service:shop-web"), quote(one.reason), one.code, start.Unix()+int64(one.at), containers))
	}
	return map[string]string{
		"ListTasks":     `{"taskArns":[` + strings.Join(arns, ",") + `]}`,
		"DescribeTasks": `{"tasks":[` + strings.Join(documents, ",") + `]}`,
	}
}

func targets(members string) string {
	return "<DescribeTargetHealthResponse><DescribeTargetHealthResult><TargetHealthDescriptions>" + members +
		"</TargetHealthDescriptions></DescribeTargetHealthResult></DescribeTargetHealthResponse>"
}

func member(id, state, reason, description string) string {
	return fmt.Sprintf("<member><Target><Id>%s</Id><Port>8080</Port></Target><TargetHealth><State>%s</State><Reason>%s</Reason><Description>%s</Description></TargetHealth></member>",
		id, state, reason, description)
}
