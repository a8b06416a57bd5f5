package cause

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	for i, r := range slices.Concat(recorded, misses) {
		t.Run(fmt.Sprint(i, " ", r.cause), func(t *testing.T) {
			got := Find(r.signals)
			if got.Name != r.cause {
				t.Errorf("named %s, want %s\n%+v", got.Name, r.cause, r.signals)
			}
			if !strings.Contains(got.Detail, r.detail) || i >= len(recorded) && r.detail != "" && got.Detail != r.detail {
				t.Errorf("detail %q, want %q", got.Detail, r.detail)
			}
			if got.Next == "" || got.Means == "" || r.source == "" {
				t.Errorf("incomplete: %+v, source %q", got, r.source)
			}
		})
	}
}

// Every rule is needed by a recorded failure, and so is every one of its patterns: without it that failure would get
// another name.
func TestEveryRuleIsNeeded(t *testing.T) {
	for i, r := range rules {
		for j := range r.says {
			less := slices.Clone(rules)
			less[i].says = slices.Delete(slices.Clone(r.says), j, j+1)
			if !slices.ContainsFunc(recorded, func(one record) bool { return find(less, one.signals).Name != one.cause }) {
				t.Errorf("rule %s: nothing recorded needs %s", r.name, r.says[j].words)
			}
		}
	}
}

// Nor is a condition there for nothing.
func TestEveryConditionIsNeeded(t *testing.T) {
	for i, r := range rules {
		if r.when == nil {
			continue
		}
		less := slices.Clone(rules)
		less[i].when = nil
		if !slices.ContainsFunc(slices.Concat(recorded, misses), func(one record) bool { return find(less, one.signals).Name != one.cause }) {
			t.Errorf("rule %s: its condition changes nothing that is recorded", r.name)
		}
	}
}

func TestNamesAreStable(t *testing.T) {
	names := Names()
	for i, name := range names {
		if slices.Index(names, name) != i || strings.ToLower(name) != name || strings.ContainsAny(name, " _") {
			t.Errorf("name %q: it has to be of its own, in lower case and with dashes", name)
		}
	}
}

// What a service says can hold anything; it must neither break a rule nor take long.
func FuzzFind(f *testing.F) {
	for _, r := range recorded {
		for _, s := range r.signals {
			f.Add(string(s.Origin), s.Text)
		}
	}
	f.Fuzz(func(t *testing.T, origin, text string) {
		c := Find([]Signal{{Origin: Origin(origin), Resource: text, Text: text}, {Origin: Log, Text: text}})
		if c.Name == "" || c.Next == "" {
			t.Errorf("%q: %+v", text, c)
		}
	})
}
