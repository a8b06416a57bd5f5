package launch

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"slipway/internal/awsdouble"
	"slipway/internal/contract"
)

func TestDestroy(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	b.again("b").mustDeploy(t, DeployOptions{})
	bucket := b.double.PhysicalID("slipway-demo-foundation", "Bucket")
	for i := range 1100 {
		b.double.PutObject(bucket, fmt.Sprintf("artifacts/%d", i), []byte("x"))
	}
	b.double.PutUpload(bucket, "artifacts/unfinished")
	b.again("b").mustDestroy(t)
	if !strings.Contains(b.progress.String(), "gone: ") {
		t.Errorf("it does not say so:\n%s", b.progress)
	}
	wantSaid(t, b.progress.String(), "everything in S3::Bucket "+bucket+": sources, templates, artifacts, the records of all releases")
	calls := b.operations()
	before(t, calls, "AbortMultipartUpload", "DeleteObjects")
	before(t, calls, "DisableRule", "DeleteStack")
	before(t, calls, "DeleteStack", "DeleteObjects")
}

// TestDestroyOfAFullBucket empties one whose S3 loses its place in a listing, at the first try.
func TestDestroyOfAFullBucket(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	bucket := b.double.PhysicalID("slipway-demo-foundation", "Bucket")
	for i := range 2200 {
		b.double.PutObject(bucket, fmt.Sprintf("artifacts/%d", i/7), []byte("x"))
	}
	b.double.MisplaceMarkers()
	b.again("b").mustDestroy(t)
	if said := b.progress.String(); strings.Contains(said, "trying again") {
		t.Errorf("it left something in the bucket at first:\n%s", said)
	}
}

// TestDestroyOfABucketThatKeepsAll ends where S3 says deleted and lists it still.
func TestDestroyOfABucketThatKeepsAll(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	b.double.KeepObjects()
	b = b.again("b")
	want(t, b.Destroy(t.Context(), DestroyOptions{}), "empty bucket", "is listed still, though S3 said that it is deleted")
}

func TestDestroyFindsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDestroy(t)
	if said := b.progress.String(); !strings.Contains(said, "nothing of slipway-demo is in account 123456789012, Region us-east-1") {
		t.Errorf("it says %q", said)
	}
}

func TestDeclinedDestroyChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	declined := errors.New("declined")
	err := b.again("a").Destroy(t.Context(), DestroyOptions{Confirm: func(what string) error {
		if !strings.Contains(what, "123456789012") || !strings.Contains(what, "us-east-1") {
			t.Errorf("the question names neither account nor Region: %s", what)
		}
		return declined
	}})
	if !errors.Is(err, declined) {
		t.Errorf("got %v", err)
	}
	if n := len(b.double.CallsTo("DeleteStack")) + len(b.double.CallsTo("DisableRule")); n != 0 {
		t.Errorf("%d changing calls were made", n)
	}
	b.again("a").mustDestroy(t)
}

// The foundation is nobody's environment: what protects it was put there by hand, and is taken off by hand.
func TestProtectedFoundationIsNotDeleted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.double.PutStack(awsdouble.StackSpec{Name: "slipway-demo-foundation", Status: "CREATE_COMPLETE", Protected: true, Tags: tagsOf("slipway-demo", "", contract.StackFoundation)})
	want(t, b.Destroy(t.Context(), DestroyOptions{}), "termination protection", "aws cloudformation update-termination-protection")
}

// What CloudFormation says is deleted and a service still shows is listed, and the record stays for the next run.
func TestResidueIsListed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	b.double.FailDelete("Network.VPC", "The vpc has dependencies and cannot be deleted.")
	err := b.again("a").Destroy(t.Context(), DestroyOptions{})
	want(t, err, "the deletion of stack slipway-demo-prod failed", "Network.VPC", "has dependencies")
	b.double.FailDelete("Network.VPC", "")
	b.again("a").mustDestroy(t)
}

// "slipway-demo-" also begins the names of another application; its tag tells it apart.
func TestNeighbourStays(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	b.double.PutStack(awsdouble.StackSpec{Name: "slipway-demo-api-prod", Status: "CREATE_COMPLETE", Tags: tagsOf("slipway-demo-api", "prod", contract.StackRoot)})
	b.again("a").mustDestroy(t)
	if got := b.double.StackStatus("slipway-demo-api-prod"); got != "CREATE_COMPLETE" {
		t.Errorf("the neighbour is now %s", got)
	}
}

// An object written after the bucket was emptied does not stop the end.
func TestLateWriter(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mustDeploy(t, DeployOptions{})
	bucket := b.double.PhysicalID("slipway-demo-foundation", "Bucket")
	b.double.FailDelete("Bucket", "The bucket you tried to delete is not empty. You must delete all versions in the bucket.")
	done := make(chan error)
	launcher := b.again("a").Launcher
	go func() { done <- launcher.Destroy(t.Context(), DestroyOptions{}) }()
	for !strings.Contains(b.progress.String(), "trying again") {
		select {
		case err := <-done:
			t.Fatalf("ended early: %v\n%s", err, b.progress)
		default:
		}
	}
	b.double.PutObject(bucket, "artifacts/late", []byte("x"))
	b.double.FailDelete("Bucket", "")
	if err := <-done; err != nil {
		t.Fatalf("%v\n%s", err, b.progress)
	}
}
