package awsdouble

func (d *Double) stsHandlers() map[string]handler {
	return map[string]handler{"GetCallerIdentity": func(object) (object, error) {
		return object{"Account": d.AccountID, "Arn": d.caller(), "UserId": "AIDAEXAMPLE"}, nil
	}}
}

func (d *Double) iamHandlers() map[string]handler {
	return map[string]handler{
		"GetRole": d.getRole, "GetPolicy": d.getPolicy, "CreateServiceLinkedRole": d.createServiceLinkedRole,
	}
}

func notFound(code, message string) error {
	return &apiError{Code: code, Message: message, Status: 404}
}

// serviceLinkedRoles are the names of the roles that services make for themselves, by service principal.
var serviceLinkedRoles = map[string]string{
	"ecs.amazonaws.com":                         "AWSServiceRoleForECS",
	"elasticloadbalancing.amazonaws.com":        "AWSServiceRoleForElasticLoadBalancing",
	"ecs.application-autoscaling.amazonaws.com": "AWSServiceRoleForApplicationAutoScaling_ECSService",
}

func (d *Double) linkedRole(principal string) object {
	name := serviceLinkedRoles[principal]
	return object{
		"RoleName": name, "Path": "/aws-service-role/" + principal + "/", "RoleId": "AROAEXAMPLE", "CreateDate": d.now(),
		"Arn": "arn:aws:iam::" + d.AccountID + ":role/aws-service-role/" + principal + "/" + name,
	}
}

func (d *Double) getRole(in object) (object, error) {
	name := text(in, "RoleName")
	for principal := range d.roles {
		if serviceLinkedRoles[principal] == name {
			return object{"Role": d.linkedRole(principal)}, nil
		}
	}
	t := d.thing("AWS::IAM::Role", name)
	if t == nil {
		return nil, notFound("NoSuchEntity", "The role with name "+name+" cannot be found.")
	}
	return object{"Role": object{
		"RoleName": t.ID, "Arn": t.Attributes["Arn"], "Path": opt(text(t.Properties, "Path")), "RoleId": t.Attributes["RoleId"],
		"CreateDate": t.Created, "Tags": d.tagList(t, "Key", "Value"),
	}}, nil
}

func (d *Double) getPolicy(in object) (object, error) {
	arn := text(in, "PolicyArn")
	t := d.thing("AWS::IAM::ManagedPolicy", arn)
	if t == nil {
		return nil, notFound("NoSuchEntity", "Policy "+arn+" was not found.")
	}
	return object{"Policy": object{"Arn": arn, "PolicyName": lastPart(arn, "/"), "CreateDate": t.Created}}, nil
}

func (d *Double) createServiceLinkedRole(in object) (object, error) {
	principal := text(in, "AWSServiceName")
	switch {
	case serviceLinkedRoles[principal] == "":
		return nil, fail("InvalidInput", "Service-linked roles for the service %s are not known to awsdouble", principal)
	case d.roles[principal]:
		return nil, fail("InvalidInput", "Service role name %s has been taken in this account, please try a different suffix.", serviceLinkedRoles[principal])
	}
	d.roles[principal] = true
	return object{"Role": d.linkedRole(principal)}, nil
}
