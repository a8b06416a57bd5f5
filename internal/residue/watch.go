package residue

import (
	"context"
	"fmt"
	"net/url"
	"strings"
)

// metricAlarms asks for alarms by name; the answer leaves out those that are gone
// (docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html).
func (s services) metricAlarms(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	params := url.Values{"MaxRecords": {"100"}}
	for i, id := range ids {
		params.Set(fmt.Sprintf("AlarmNames.member.%d", i+1), id)
	}
	var answer struct {
		Alarms []struct {
			Name  string `xml:"AlarmName"`
			State string `xml:"StateValue"`
		} `xml:"DescribeAlarmsResult>MetricAlarms>member"`
	}
	if err := s.metrics.Call(ctx, "DescribeAlarms", params, &answer); err != nil {
		return nil, err
	}
	found := map[string]status{}
	for _, alarm := range answer.Alarms {
		found[alarm.Name] = status{state: alarm.State}
	}
	return found, nil
}

func (s services) dashboard(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	var answer struct{}
	err := s.metrics.Call(ctx, "GetDashboard", url.Values{"DashboardName": {ids[0]}}, &answer)
	return one(ids[0], "", err, "ResourceNotFound")
}

func (s services) topic(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	var answer struct{}
	err := s.topics.Call(ctx, "GetTopicAttributes", url.Values{"TopicArn": {ids[0]}}, &answer)
	return one(ids[0], "", err, "NotFound")
}

// subscription asks for one. Nobody can delete one that was never confirmed: SNS does, after 48 hours
// (docs.aws.amazon.com/sns/latest/dg/sns-delete-subscription-topic.html).
func (s services) subscription(ctx context.Context, _ string, ids []string) (map[string]status, error) {
	var answer struct {
		Attributes []struct {
			Key   string `xml:"key"`
			Value string `xml:"value"`
		} `xml:"GetSubscriptionAttributesResult>Attributes>entry"`
	}
	err := s.topics.Call(ctx, "GetSubscriptionAttributes", url.Values{"SubscriptionArn": {ids[0]}}, &answer)
	for _, attribute := range answer.Attributes {
		if attribute.Key == "PendingConfirmation" && strings.EqualFold(attribute.Value, "true") {
			return map[string]status{ids[0]: {state: "PendingConfirmation", pending: true, note: "it was never confirmed: AWS deletes it within 48 hours"}}, nil
		}
	}
	return one(ids[0], "", err, "NotFound")
}
