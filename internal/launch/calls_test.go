package launch

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/internal/awsdouble"
	"slipway/internal/contract"
)

// looks are the calls between one look at the root and the next, while an operation is followed.
func (b *bench) looks(begin, root string) (looks []int, operations map[string]int) {
	operations = map[string]int{}
	following := false
	for _, call := range b.double.Calls() {
		name, _ := call.In["StackName"].(string)
		ofRoot := name == root || strings.Contains(name, ":stack/"+root+"/")
		switch {
		case call.Operation == begin && ofRoot:
			following, looks = true, nil
			clear(operations)
			continue
		case !following:
			continue
		case call.Operation == "DescribeStacks" && ofRoot:
			looks = append(looks, 0)
		case call.Operation == "PutObject": // the release's record: the operation has ended
			following = false
			continue
		}
		if len(looks) > 0 {
			looks[len(looks)-1]++
			operations[call.Operation]++
		}
	}
	return looks, operations
}

// Two looks are five seconds apart, and no more than one call a second is made for each stack: an account's limits are shared with
// whatever else is at work there.
func TestCallsWhileFollowing(t *testing.T) {
	t.Parallel()
	b := newBench(t, awsdouble.WithEventDelay(10*time.Millisecond), awsdouble.WithPageSize(100))
	b.Poll = 30 * time.Millisecond
	b.mustDeploy(t, DeployOptions{})
	const stacks, seconds = 4, 5
	looks, operations := b.looks("ExecuteChangeSet", contract.EnvironmentStackName("slipway-demo", "prod"))
	if len(looks) < 5 {
		t.Fatalf("only %d looks", len(looks))
	}
	sum := 0
	for _, n := range looks {
		sum += n
	}
	t.Logf("%d looks, %.1f calls a look, at most %d: %.2f calls a second and stack\n%v", len(looks), float64(sum)/float64(len(looks)), slices.Max(looks),
		float64(sum)/float64(len(looks))/stacks/seconds, slices.Sorted(maps.Keys(operations)))
	for i, n := range looks {
		if n > stacks*seconds {
			t.Errorf("look %d made %d calls for %d stacks in %d s: %v", i, n, stacks, seconds, operations)
		}
	}
}
