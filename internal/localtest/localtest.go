// Package localtest is for tests on a local engine that enforces IAM.
package localtest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// User makes an IAM user with the policies given as JSON, and returns the configuration for clients that act as that
// user. root is the configuration of somebody who may make users. A policy is a managed one of the user's own, of 6,144
// characters without white space at most; a user has ten at most
// (docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
func User(t testing.TB, root aws.Config, name string, policies ...string) aws.Config {
	t.Helper()
	ctx, client := t.Context(), iam.NewFromConfig(root)
	name = name + "-" + strings.ToLower(rand.Text()[:6]) // what is there by this name was made here, by a call whose answer was lost
	if _, err := client.CreateUser(ctx, &iam.CreateUserInput{UserName: &name}); err != nil && !taken(err) {
		t.Fatal(err)
	}
	user, err := client.GetUser(ctx, &iam.GetUserInput{UserName: &name})
	if err != nil {
		t.Fatal(err)
	}
	for i, document := range policies {
		policy := fmt.Sprintf("%s-%d", name, i+1)
		if _, err := client.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: &policy, PolicyDocument: &document}); err != nil && !taken(err) {
			t.Fatalf("policy %d of %s: %v", i+1, name, err)
		}
		arn := strings.Replace(*user.User.Arn, ":user/"+name, ":policy/"+policy, 1)
		if _, err := client.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: &name, PolicyArn: &arn}); err != nil {
			t.Fatal(err)
		}
	}
	key, err := client.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		t.Fatal(err)
	}
	acting := root.Copy()
	acting.Credentials = credentials.NewStaticCredentialsProvider(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
	return acting
}

func taken(err error) bool {
	_, ok := errors.AsType[*types.EntityAlreadyExistsException](err)
	return ok
}
