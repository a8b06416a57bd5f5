package launch

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	smithytime "github.com/aws/smithy-go/time"

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
	t.Cleanup(func() { _ = other.Release(context.Background()) })
	return other
}

// While somebody else deploys neither a deployment nor a deletion changes anything, and both say who it is.
func TestOneRunAtATime(t *testing.T) {
	t.Parallel()
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
		_ = other.Release(context.Background())
	}(b.progress)
	b.mustDeploy(t, DeployOptions{Wait: time.Minute})
	if n := strings.Count(b.progress.String(), "waiting for it"); n != 1 {
		t.Errorf("it says %d times that it waits:\n%s", n, b.progress)
	}
	b.mustDestroy(t)
}

// Who has waited for its turn goes by what the other run has made, not by what there was before: to an environment that is
// up by now comes what it has, by the pipeline.
func TestTurnAfterAFirstLaunch(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, "name: shop\nenvironments: [{name: test}, {name: prod}]\n")
	first, output := b.Launcher, b.output
	if err := first.identify(t.Context(), first.regionHasAll); err != nil {
		t.Fatal(err)
	}
	f, err := first.raiseFoundation(t.Context(), DeployOptions{gate: newGate(DeployOptions{})})
	if err != nil {
		t.Fatal(err)
	}
	second := b.asking(t, "name: shop\nenvironments: [{name: test}, {name: prod}]\n")
	ended := make(chan error, 1)
	err = first.turn(t.Context(), f.bucket, "./scripts/deploy.sh", 0, func(ctx context.Context, _ *lease.Lease) error {
		go func() { ended <- second.Deploy(t.Context(), DeployOptions{Wait: time.Minute}) }()
		for !strings.Contains(second.progress.String(), "waiting for it") {
			if err := smithytime.SleepWithContext(ctx, time.Millisecond); err != nil {
				return err
			}
		}
		return first.rollOut(ctx, DeployOptions{gate: newGate(DeployOptions{})}, f)
	})
	if err != nil || !strings.Contains(output.String(), "Environment=prod") {
		t.Fatalf("the first run: %v\n%s", err, output)
	}
	if err := <-ended; err != nil || !strings.Contains(second.output.String(), "Environment=test") || strings.Contains(second.output.String(), "Environment=prod") {
		t.Errorf("the second run: %v\n%s%s", err, second.progress, second.output)
	}
}

// An environment that another run made while destroy waited for its turn goes, too.
func TestDestroyAfterAWait(t *testing.T) {
	t.Parallel()
	b := newBench(t).asking(t, "name: shop\nenvironments: [{name: test}, {name: prod}]\n")
	b.mustDeploy(t, DeployOptions{Environments: []string{"test"}})
	first := b.Launcher
	f, err := first.foundationThere(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	destroying := b.asking(t, "name: shop\nenvironments: [{name: test}, {name: prod}]\n")
	ended := make(chan error, 1)
	err = first.turn(t.Context(), f.bucket, "./scripts/deploy.sh", 0, func(ctx context.Context, _ *lease.Lease) error {
		go func() { ended <- destroying.Destroy(t.Context(), DestroyOptions{Wait: time.Minute}) }()
		for !strings.Contains(destroying.progress.String(), "waiting for it") {
			if err := smithytime.SleepWithContext(ctx, time.Millisecond); err != nil {
				return err
			}
		}
		return first.rollOut(ctx, DeployOptions{gate: newGate(DeployOptions{})}, f)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("%v\n%s", err, destroying.progress)
	}
	if living := b.double.Living(); len(living) > 0 {
		t.Errorf("after destroy there is still %v", living)
	}
}

// A run that was killed leaves its lease behind: the next run of the same clone goes on at once, one of another clone
// waits until the lease has run out.
func TestTurnOfTheKilled(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	b.beat = time.Millisecond
	bucket := b.root(t, contract.FoundationStackName(b.Config.Name)).outputs[contract.KeyBucketName]
	err := b.turn(t.Context(), bucket, "./scripts/deploy.sh", 0, func(ctx context.Context, _ *lease.Lease) error {
		b.double.PutObject(bucket, contract.LeaseObject, []byte(`{"Token":"other"}`))
		return smithytime.SleepWithContext(ctx, time.Minute)
	})
	want(t, err, "lease was lost", "run the same command again")
}

// A bucket that is being deleted would not go with a lease in it.
func TestNoLeaseInADyingBucket(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	bucket := b.root(t, contract.FoundationStackName(b.Config.Name)).outputs[contract.KeyBucketName]
	leases := func() (n int) {
		for _, put := range b.double.CallsTo("PutObject") {
			if text(put.In, "Key") == contract.LeaseObject {
				n++
			}
		}
		return n
	}
	before := leases()
	b.double.SetStackStatus(contract.FoundationStackName(b.Config.Name), "DELETE_FAILED", "The bucket you tried to delete is not empty")
	want(t, b.again("b").Deploy(t.Context(), DeployOptions{}), "DELETE_FAILED", "./scripts/destroy.sh")
	if after := leases(); after != before {
		t.Errorf("%d leases were written into %s", after-before, bucket)
	}
}
