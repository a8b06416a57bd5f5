package launch

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"slipway/internal/contract"
	"slipway/internal/lease"
)

// held lets somebody else have a turn on the deployed application.
func held(t *testing.T, b *bench) *lease.Lease {
	t.Helper()
	_, other, err := lease.Take(t.Context(), lease.Options{
		S3: b.aws.s3, Bucket: b.root(t, contract.FoundationStackName(b.Config.Name)).outputs[contract.KeyBucketName],
		Owner: "arn:aws:iam::123456789012:user/bob on laptop", What: "./scripts/deploy.sh",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Release(context.Background()) })
	return other
}

// While somebody else deploys neither a deployment nor a deletion changes anything, and both say who it is.
func TestOneRunAtATime(t *testing.T) {
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	other := held(t, b)
	before := len(b.double.CallsTo("CreateChangeSet")) + len(b.double.CallsTo("StartBuild"))
	want(t, b.again("b").Deploy(t.Context(), DeployOptions{}), "user/bob on laptop is running ./scripts/deploy.sh since 20", "--wait")
	want(t, b.again("b").Destroy(t.Context(), DestroyOptions{}), "user/bob on laptop")
	if n := len(b.double.CallsTo("CreateChangeSet")) + len(b.double.CallsTo("StartBuild")); n != before || len(b.double.CallsTo("DeleteStack")) > 0 {
		t.Errorf("something was changed: %v", b.operations())
	}
	b.again("b")
	go func(waiting *said) {
		for !strings.Contains(waiting.String(), "waiting for it") && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		other.Release(context.Background())
	}(b.progress)
	b.mustDeploy(t, DeployOptions{Wait: time.Minute})
	if n := strings.Count(b.progress.String(), "waiting for it"); n != 1 {
		t.Errorf("it says %d times that it waits:\n%s", n, b.progress)
	}
	b.mustDestroy(t)
}

// A run that was killed leaves its lease behind: the next run of the same clone goes on at once, one of another clone
// waits until the lease has run out.
func TestTurnOfTheKilled(t *testing.T) {
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	bucket := b.root(t, contract.FoundationStackName(b.Config.Name)).outputs[contract.KeyBucketName]
	b.double.PutObject(bucket, contract.LeaseObject, []byte(`{"Owner":"ann on box","What":"./scripts/deploy.sh","Token":"dead"}`))
	want(t, b.again("b").Deploy(t.Context(), DeployOptions{}), "another run has its turn", "ann on box")
	if err := os.WriteFile(b.leaseFile(), []byte("dead"), 0o644); err != nil {
		t.Fatal(err)
	}
	b.again("b").mustDeploy(t, DeployOptions{})
}

// Who lost the lease to another run stops, and says so.
func TestTurnLost(t *testing.T) {
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	b.beat = time.Millisecond
	bucket := b.root(t, contract.FoundationStackName(b.Config.Name)).outputs[contract.KeyBucketName]
	err := b.turn(t.Context(), bucket, "./scripts/deploy.sh", 0, func(ctx context.Context, _ *lease.Lease) error {
		b.double.PutObject(bucket, contract.LeaseObject, []byte(`{"Token":"other"}`))
		return pause(ctx, time.Minute)
	})
	want(t, err, "lease was lost", "run the same command again")
}
