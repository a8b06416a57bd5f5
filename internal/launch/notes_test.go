package launch

import (
	"strings"
	"testing"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/deployer"
)

// What is left to a person is said after a launch, and nothing where nothing is.
func TestNotes(t *testing.T) {
	t.Parallel()
	const plain, record = "the service speaks plain HTTP", "point www.example.com at 127.0.0.1:"
	for name, c := range map[string]struct {
		entry string
		said  []string
	}{
		"plain HTTP":           {"tasks: {min: 2}", []string{plain}},
		"a domain with a zone": {inOwnZone, nil},
		"a domain without one": {withCertificate, []string{record}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t).given().asking(t, prod(c.entry)).trusting()
			b.mustDeploy(t, DeployOptions{})
			for _, note := range []string{plain, record} {
				wanted := len(c.said) > 0 && c.said[0] == note
				if got := strings.Contains(b.progress.String(), note); got != wanted {
					t.Errorf("says %q: %t, want %t", note, got, wanted)
				}
			}
		})
	}
}

// A subscription by e-mail is asked for until somebody has confirmed it.
func TestSubscriptionToConfirm(t *testing.T) {
	t.Parallel()
	const topic, note = "arn:aws:sns:us-east-1:123456789012:shop-prod-topic", "confirm the subscription in the e-mail that AWS has sent to oncall@example.com"
	for name, c := range map[string]struct {
		subscriptions []map[string]any
		policies      []string
		said          bool
	}{
		"pending":   {[]map[string]any{{"Endpoint": "else@example.com", "Confirmed": true}, {"Endpoint": "oncall@example.com"}}, deployer.Names, true},
		"confirmed": {[]map[string]any{{"Endpoint": "oncall@example.com", "Confirmed": true}}, deployer.Names, false},
		"not seen":  {[]map[string]any{{"Endpoint": "oncall@example.com", "Confirmed": true}}, []string{deployer.Deploy}, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t).asking(t, prod("tasks: {min: 2}"))
			b.may(c.policies...)
			b.double.Put("AWS::SNS::Topic", topic, nil)
			for i, s := range c.subscriptions {
				s["TopicArn"], s["Protocol"] = topic, "email"
				b.double.Put("AWS::SNS::Subscription", topic+":"+string(rune('a'+i)), s)
			}
			b.notes(t.Context(), config.Environment{Watch: config.Watch{Email: "oncall@example.com"}}, stack{outputs: map[string]string{contract.KeyTopicARN: topic}})
			if got := strings.Contains(b.progress.String(), note); got != c.said {
				t.Errorf("said %t, want %t:\n%s", got, c.said, b.progress)
			}
		})
	}
}
