package launch

import (
	"context"
	"net/url"

	"slipway/internal/config"
	"slipway/internal/contract"
)

// notes says what an environment that is up leaves to a person.
func (l *Launcher) notes(ctx context.Context, env config.Environment, root stack) {
	if !env.Entry.HTTPS() {
		l.Progress.Line("%s: warning: the service speaks plain HTTP, which whoever is on the way can read and change: for HTTPS name a domain (entry.domain in slipway.yaml)", root.name)
	}
	if domain, balancer := env.Entry.Domain, root.outputs[contract.KeyLoadBalancerName]; domain != "" && env.Entry.HostedZone == "" {
		l.Progress.Line("%s: point %s at %s: a CNAME record, or an alias where %[2]s is its zone's own name; until then nobody reaches the service by it", root.name, domain, balancer)
	}
	if env.Watch.Email != "" && l.unconfirmed(ctx, root.outputs[contract.KeyTopicARN], env.Watch.Email) {
		l.Progress.Line("%s: confirm the subscription in the e-mail that AWS has sent to %s: until then nobody is told of alarms and failures", root.name, env.Watch.Email)
	}
}

// unconfirmed says whether nobody has followed the link in AWS's e-mail yet, or that cannot be seen. A subscription has an
// ARN from then on (docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html).
func (l *Launcher) unconfirmed(ctx context.Context, topic, email string) bool {
	params := url.Values{"TopicArn": {topic}}
	for {
		var answer struct {
			Subscriptions []struct {
				Endpoint string `xml:"Endpoint"`
				ARN      string `xml:"SubscriptionArn"`
			} `xml:"ListSubscriptionsByTopicResult>Subscriptions>member"`
			NextToken string `xml:"ListSubscriptionsByTopicResult>NextToken"`
		}
		if err := l.aws.topics.Call(ctx, "ListSubscriptionsByTopic", params, &answer); err != nil {
			return true
		}
		for _, s := range answer.Subscriptions {
			if s.Endpoint == email {
				return s.ARN == "PendingConfirmation"
			}
		}
		if answer.NextToken == "" {
			return true
		}
		params.Set("NextToken", answer.NextToken)
	}
}
