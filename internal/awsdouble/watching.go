package awsdouble

import (
	"slices"
	"strings"
)

func (d *Double) metricHandlers() map[string]handler {
	return map[string]handler{"DescribeAlarms": d.describeAlarms, "GetDashboard": d.getDashboard, "GetMetricStatistics": d.getMetricStatistics}
}

// describeAlarms leaves out those that do not exist
// (docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html).
func (d *Double) describeAlarms(in object) (object, error) {
	wanted, found := texts(in, "AlarmNames"), []object{}
	for _, t := range d.existing("AWS::CloudWatch::Alarm") {
		if len(wanted) == 0 || slices.Contains(wanted, t.ID) {
			found = append(found, object{"AlarmName": t.ID, "AlarmArn": t.Attributes["Arn"], "StateValue": "OK"})
		}
	}
	shown, next := page(d, found, text(in, "NextToken"), number(in, "MaxRecords"))
	return object{"MetricAlarms": asList(shown), "NextToken": opt(next)}, nil
}

func (d *Double) getDashboard(in object) (object, error) {
	t := d.thing("AWS::CloudWatch::Dashboard", text(in, "DashboardName"))
	if t == nil {
		return nil, notFound("ResourceNotFound", "Dashboard "+text(in, "DashboardName")+" does not exist")
	}
	return object{"DashboardName": t.ID, "DashboardBody": text(t.Properties, "DashboardBody")}, nil
}

func (d *Double) topicHandlers() map[string]handler {
	return map[string]handler{"GetTopicAttributes": d.getTopicAttributes, "GetSubscriptionAttributes": d.getSubscriptionAttributes, "ListSubscriptionsByTopic": d.listSubscriptions}
}

func (d *Double) getTopicAttributes(in object) (object, error) {
	t := d.thing("AWS::SNS::Topic", text(in, "TopicArn"))
	if t == nil {
		return nil, notFound("NotFound", "Topic does not exist")
	}
	attributes := entries{"TopicArn": t.ID, "Owner": d.AccountID}
	for _, key := range []string{"KmsMasterKeyId", "Policy"} {
		if value := text(t.Properties, key); value != "" {
			attributes[key] = value
		}
	}
	return object{"Attributes": attributes}, nil
}

// getSubscriptionAttributes shows one by e-mail as never confirmed, since nobody reads the double's mail; such a one cannot be
// deleted and stays to be seen for 48 hours (docs.aws.amazon.com/sns/latest/dg/sns-delete-subscription-topic.html).
func (d *Double) getSubscriptionAttributes(in object) (object, error) {
	arn := text(in, "SubscriptionArn")
	for _, t := range d.things {
		pending := strings.HasPrefix(text(t.Properties, "Protocol"), "email")
		if t.Type == "AWS::SNS::Subscription" && t.ID == arn && (pending || !t.Gone) {
			return object{"Attributes": entries{
				"SubscriptionArn": arn, "TopicArn": text(t.Properties, "TopicArn"), "PendingConfirmation": map[bool]string{true: "true", false: "false"}[pending],
			}}, nil
		}
	}
	return nil, notFound("NotFound", "Subscription does not exist")
}

// listSubscriptions gives one that nobody has confirmed no ARN of its own
// (docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html).
func (d *Double) listSubscriptions(in object) (object, error) {
	topic := text(in, "TopicArn")
	if d.thing("AWS::SNS::Topic", topic) == nil {
		return nil, notFound("NotFound", "Topic does not exist")
	}
	var found []object
	for _, t := range d.existing("AWS::SNS::Subscription") {
		if text(t.Properties, "TopicArn") != topic {
			continue
		}
		arn := t.ID
		if strings.HasPrefix(text(t.Properties, "Protocol"), "email") && !flag(t.Properties, "Confirmed") {
			arn = "PendingConfirmation"
		}
		found = append(found, object{"SubscriptionArn": arn, "TopicArn": topic, "Protocol": text(t.Properties, "Protocol"), "Endpoint": text(t.Properties, "Endpoint"), "Owner": d.AccountID})
	}
	shown, next := page(d, found, text(in, "NextToken"), 100)
	return object{"Subscriptions": asList(shown), "NextToken": opt(next)}, nil
}
