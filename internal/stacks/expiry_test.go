package stacks

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"slipway/internal/contract"
)

// expiryRule is a rule of the registry's lifecycle policy.
type expiryRule struct {
	RulePriority int
	Selection    struct {
		TagStatus     string
		TagPrefixList []string
		CountType     string
		CountNumber   int
	}
}

// stored is an image in a registry; age is in days.
type stored struct {
	tags []string
	age  int
}

// selects says whether a rule is about an image: with a list of prefixes, each must be that of one of its tags.
func (r expiryRule) selects(i stored) bool {
	switch r.Selection.TagStatus {
	case "any":
		return true
	case "untagged":
		return len(i.tags) == 0
	}
	for _, prefix := range r.Selection.TagPrefixList {
		if !slices.ContainsFunc(i.tags, func(tag string) bool { return strings.HasPrefix(tag, prefix) }) {
			return false
		}
	}
	return true
}

// expired are the images that a policy lets go, as the registry goes about it: each rule counts all images that it is about,
// youngest first, and what a rule of higher priority is about no other one expires
// (docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html).
func expired(rules []expiryRule, images []stored) []stored {
	slices.SortFunc(rules, func(a, b expiryRule) int { return a.RulePriority - b.RulePriority })
	slices.SortStableFunc(images, func(a, b stored) int { return a.age - b.age })
	var gone []stored
	for n, r := range rules {
		count := 0
		for _, i := range images {
			if !r.selects(i) {
				continue
			}
			count++
			over := count > r.Selection.CountNumber
			if r.Selection.CountType == "sinceImagePushed" {
				over = i.age > r.Selection.CountNumber
			}
			if over && !slices.ContainsFunc(rules[:n], func(earlier expiryRule) bool { return earlier.selects(i) }) {
				gone = append(gone, i)
			}
		}
	}
	return gone
}

// However many images there are and however old, those that a release names stay, and those that none names go in the end.
func TestReleasedImagesNeverExpire(t *testing.T) {
	var policy struct{ Rules []expiryRule }
	if err := json.Unmarshal([]byte(imageExpiry()), &policy); err != nil {
		t.Fatal(err)
	}
	var loose []stored
	for n := range imagesKept + 1 {
		loose = append(loose, stored{tags: []string{fmt.Sprintf("%040x", n)}, age: n})
	}
	if gone := expired(policy.Rules, loose); len(gone) != 1 || gone[0].age != imagesKept {
		t.Errorf("of images that no release names %v are let go, want the oldest", gone)
	}
	rapid.Check(t, func(t *rapid.T) {
		var images []stored
		for n := range rapid.IntRange(0, 3*imagesKept).Draw(t, "images") {
			i := stored{age: rapid.IntRange(0, 4000).Draw(t, "age")}
			kind := rapid.IntRange(0, 2).Draw(t, "kind")
			if kind > 0 {
				i.tags = append(i.tags, fmt.Sprintf("%040x", n))
			}
			if kind > 1 {
				i.tags = append(i.tags, contract.ReleaseTag(fmt.Sprintf("sha256:%064x", n)))
			}
			images = append(images, i)
		}
		for _, i := range expired(policy.Rules, images) {
			if slices.ContainsFunc(i.tags, func(tag string) bool { return strings.HasPrefix(tag, contract.ReleaseTagPrefix) }) {
				t.Fatalf("an image with the tags %v is let go", i.tags)
			}
		}
	})
}

// What a release names in the bucket has no end: its record and its templates.
func TestReleasesNeverExpire(t *testing.T) {
	f := foundation{cfg: pipelineVariants()["branches"]}
	for _, rule := range f.lifecycle() {
		if rule.ExpirationInDays == nil && rule.NoncurrentVersionExpiration == nil {
			continue
		}
		if rule.Prefix == nil {
			t.Errorf("rule %s ends everything", *rule.Id)
			continue
		}
		for _, kept := range []string{contract.ReleasesPrefix + "prod/1.json", contract.TemplateKey("0"), contract.SetKey("0")} {
			if strings.HasPrefix(kept, *rule.Prefix) {
				t.Errorf("rule %s ends %s", *rule.Id, kept)
			}
		}
	}
}
