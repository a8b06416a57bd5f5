package launch

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// repairs are what the launcher does about what goes wrong, each with the change that turns it off and a test that then fails.
var repairs = []struct {
	name, file, with, without, test string
}{
	{"a husk is deleted", "status.go", "types.StackStatusCreateFailed, types.StackStatusRollbackFailed:\n\t\treturn recreate", "types.StackStatusCreateFailed, types.StackStatusRollbackFailed:\n\t\treturn refuse", "TestHusks"},
	{"a failed rollback is continued", "status.go", "return goBack, \"\"", "return refuse, \"\"", "TestRollbackIsContinued"},
	{"a paused update is rolled back", "status.go", "return rollBack, \"\"", "return refuse, \"\"", "TestPausedUpdateIsRolledBack"},
	{"what holds a rollback is left out", "rollback.go", "skip = append(skip, e)", "_ = e", "TestRollbackIsContinuedWithoutWhatHoldsIt"},
	{"somebody's operation is waited for", "stack.go", "if !inProgress(s.status) {", "if true {", "TestOperationUnderWayIsWaitedFor"},
	{"a change set whose answer was lost is found", "changeset.go", "is(err, alreadyExists)", "false", "TestLostAnswers/CreateChangeSet"},
	{"an execution whose answer was lost is found", "changeset.go", "!is(err, alreadyExecuted)", "true", "TestLostAnswers/ExecuteChangeSet"},
	{"a change set over the root alone stands in", "changeset.go", "return l.makeChangeSet(ctx, r, todo, false)", "return nil, err", "TestNestedChangeSetsThatCannotBeMade"},
	{"a look that was not answered is repeated", "errors.go", "return true // no answer at all: the network, a time-out", "return false", "TestOutage"},
	{"an old answer about the service is not believed", "verify.go", "others < sureLooks", "false", "TestOldAnswerAboutTheService"},
	{"a deployment past the stack is seen", "verify.go", "aws.ToString(primary.TaskDefinition) != want", "false", "TestOldAnswerAboutTheService"},
	{"the task count is raised", "verify.go", "if err := l.raiseCount(ctx, env, root); err != nil {", "if err := error(nil); err != nil {", "TestCountIsRaisedToTheRealMinimum"},
	{"a template put there by others is refused", "upload.go", "is not the template %s, though", "is the template %s, and", "TestForeignTemplateIsRefused"},
	{"a deletion is tried again", "destroy.go", "deleteTries = 3", "deleteTries = 1", "TestLateWriter"},
	{"writers are stopped", "sweep.go", "r.record.ids(\"AWS::Events::Rule\")", "[]string(nil)", "TestDestroy$"},
	{"replaced task definitions are deleted", "sweep.go", "families(r.record) {", "[]string(nil) {", "TestDestroy$"},
	{"unfinished uploads are ended", "sweep.go", "for _, u := range page.Uploads {", "for _, u := range page.Uploads[:0] {", "TestDestroy$"},
	{"load balancers are readied for deletion", "stack.go", "if err := l.release(ctx, s); err != nil {", "if err := error(nil); err != nil {", "TestFailedLaunchOfAProtectedEnvironment"},
	{"a lease is not put into a dying bucket", "turn.go", "strings.HasPrefix(string(s.status), \"DELETE_\")", "strings.HasPrefix(string(s.status), \"NEVER\")", "TestNoLeaseInADyingBucket"},
	{"what AWS lets go of is waited for", "mend.go", "!ok || f.Cause.Name != dependencyOnDelete", "!ok || f.Cause.Name == dependencyOnDelete", "TestInterfacesThatGoAreWaitedFor"},
	{"who holds a resource is said", "mend.go", "case stays || time.Now().After(deadline):", "case stays:\n\t\t\treturn nil\n\t\tcase time.Now().After(deadline):", "TestForeignHolders"},
	{"another role is made where it is gone", "destroy.go", "if is(err, roleGone) {", "if false {", "TestRoleDeletedBeforeItsStack"},
	{"a load balancer is freed before each try", "destroy.go", "if err = r.release(ctx, s); err != nil {", "if err = error(nil); err != nil {", "TestDestroyOfAProtectedEnvironment"},
	{"what a template keeps is not emptied", "record.go", "if e.Keep == \"\" && r.covers(e.StackName) {", "if r.covers(e.StackName) {", "TestDestroyKeepsWhatTemplatesKeep"},
	{"a destroy of one environment proves that one alone", "record.go", "return r.roots == nil || slices.Contains(r.roots, root)", "return root != \"\"", "TestDestroyOneEnvironment"},
	{"the pipeline that stays begins nothing more", "sweep.go", "r.stopExecutions(ctx, s.outputs[key], false)", "error(nil)", "TestDestroyOneEnvironment"},
	{"a log group that was made again is deleted", "leftovers.go", "range r.record.ids(logGroupType) {", "range []string(nil) {", "TestLogGroupMadeAgain"},
	{"report groups that builds made are deleted", "leftovers.go", "range slices.Chunk(r.record.ids(reportGroupType), 100) {", "range slices.Chunk([]string(nil), 100) {", "TestReportGroupsGo"},
	{"the record of a certificate goes", "leftovers.go", "r.sweepProof(ctx, proof)", "error(nil)", "TestProofsOfCertificates"},
	{"the record of another certificate stays", "leftovers.go", "if why != \"\" {", "if false {", "TestProofsOfCertificates"},
	{"what is still listed is asked for again", "destroy.go", "resources, r.vanishing, r.Poll)", "resources, 0, r.Poll)", "TestDestroyWaitsForWhatIsStillListed"},
	{"a refusal is not taken for gone", "destroyed.go", "for _, u := range unanswered {", "for _, u := range unanswered[:0] {", "TestDestroyReportsWhatIsLeft"},
	{"what carries the tag is told where no stack is", "destroy.go", "report.addStrays(strays, note)", "_, _ = strays, note", "TestStraysWithoutAnyStack"},
	{"what an earlier destroy kept stays on purpose", "strays.go", "r.keptEarlier(stray.Type + \" \" + stray.PhysicalID)", "\"\"", "TestStraysWithoutAnyStack"},
	{"what is in no stack is told", "destroy.go", "report.addStrays(r.strays(ctx))", "_ = r.strays", "TestStrays$"},
	{"what the tagging API lists is asked for", "strays.go", "left, _, err := checker.Left(ctx, asked)", "_, left, err := checker.Left(ctx, asked)\n\tfor _, r := range asked {\n\t\tleft = append(left, residue.Finding{Resource: r})\n\t}", "TestStrays$"},
	{"expired credentials are explained", "limits.go", "err = &SessionError{profile, err}", "_ = profile", "TestSessionThatEnds|TestCredentialsThatExpire|TestExpiredCredentials"},
	{"a foreigner's answer is refused", "limits.go", "!strings.HasPrefix(answer.Header.Get(\"Content-Type\"), \"text/html\")", "answer.StatusCode > 0", "TestForeignAnswers"},
	{"what is risky stops", "gate.go", "if len(risks) == 0 {", "if true {", "TestRiskIsRefusedUntilAllowed"},
	{"what was found while waiting is deleted, too", "destroy.go", "r.findAgain(ctx)", "error(nil)", "TestDestroyAfterAWait"},
	{"a first launch begins without a task", "beforedeploy.go", `service["DesiredCount"] = 0`, `_ = service`, "TestTaskThatFailsOnTheFirstLaunch"},
	{"the task before a deployment has what comes with it", "beforedeploy.go", "if !alone {", "if alone || true {", "TestServiceWaitsForTheTask"},
	{"a task of a killed run is found", "onetask.go", "living = append(living, slices.DeleteFunc(out.Tasks, hasStopped)...)", "_ = slices.DeleteFunc(out.Tasks, hasStopped)", "TestTaskOfAKilledRunIsFollowed"},
	{"a task is stopped with its run", "onetask.go", `t.stop(ctx, task, "the run of slipway was interrupted")`, `error(nil)`, "TestTaskIsStoppedWhenTheRunIsInterrupted"},
	{"a task that still runs does not hold its cluster", "sweep.go", "r.stopOneTasks(ctx, s)", "error(nil)", "TestDestroyStopsTheTask"},
	{"termination protection is taken off once the name is typed", "destroy.go", "if err == nil && s.protected {", "if false {", "Protect"},
}

// Each repair is needed: without it a test fails. The change is laid over the source for one go test; that takes minutes, so
// without SLIPWAY_LONG=1 (test.sh --long) only the places are looked for.
func TestRepairsAreNeeded(t *testing.T) {
	t.Parallel()
	for _, r := range repairs {
		t.Run(r.name, func(t *testing.T) {
			source, err := os.ReadFile(r.file)
			if err != nil || strings.Count(string(source), r.with) != 1 {
				t.Fatalf("%s has %d times %q, want once (%v)", r.file, strings.Count(string(source), r.with), r.with, err)
			}
			if os.Getenv("SLIPWAY_LONG") == "" {
				return
			}
			out, err := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-overlay", overlay(t, r.file, strings.Replace(string(source), r.with, r.without, 1)), "-run", r.test, ".").CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL") {
				t.Errorf("without it no test of %s fails: %v\n%s", r.test, err, out)
			}
		})
	}
}

// overlay lets the go command see another text in a file's place.
func overlay(t *testing.T, file, text string) string {
	t.Helper()
	path, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	changed, list := filepath.Join(t.TempDir(), file), filepath.Join(t.TempDir(), "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{changed: []byte(text), list: replace} {
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return list
}
