package awsdouble

// defaultQuotas are AWS's (docs.aws.amazon.com/general/latest/gr/vpc-service.html, ec2-service.html, ecs-service.html), by
// service and code. A new account's for Fargate are these; they rise by themselves with use.
var defaultQuotas = map[string]float64{"vpc/L-F678F1CE": 5, "ec2/L-0263D0A3": 5, "fargate/L-3032A538": 6, "fargate/L-36FBB829": 6}

// SetQuota gives the account a value of its own for a quota ("vpc/L-F678F1CE").
func (d *Double) SetQuota(quota string, value float64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.quotas[quota] = value
}

// UseFargate lets so many vCPUs of a class ("Standard/OnDemand", "Standard/Spot") run in the account, past any stack.
func (d *Double) UseFargate(class string, vcpus float64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fargate[class] = vcpus
}

func (d *Double) quotaHandlers() map[string]handler {
	return map[string]handler{
		"GetServiceQuota":           func(in object) (object, error) { return d.quota(in, d.quotas) },
		"GetAWSDefaultServiceQuota": func(in object) (object, error) { return d.quota(in, defaultQuotas) },
	}
}

// quota answers for a quota that the account has no value of its own for as if there were none
// (docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html).
func (d *Double) quota(in object, values map[string]float64) (object, error) {
	value, ok := values[text(in, "ServiceCode")+"/"+text(in, "QuotaCode")]
	if !ok {
		return nil, fail("NoSuchResourceException", "The request failed because the specified resource does not exist.")
	}
	return object{"Quota": object{"ServiceCode": text(in, "ServiceCode"), "QuotaCode": text(in, "QuotaCode"), "Value": value}}, nil
}

// getMetricStatistics knows what Fargate reports of its use.
func (d *Double) getMetricStatistics(in object) (object, error) {
	points := list{}
	for _, dimension := range objects(in, "Dimensions") {
		if used := d.fargate[text(dimension, "Value")]; used > 0 && text(in, "Namespace") == "AWS/Usage" {
			points = append(points, object{"Timestamp": d.now(), "Maximum": used, "Unit": "None"})
		}
	}
	return object{"Label": text(in, "MetricName"), "Datapoints": points}, nil
}
