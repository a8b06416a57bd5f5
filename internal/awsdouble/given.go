package awsdouble

import "cmp"

// What slipway.yaml may name and no stack of ours makes: keys, parameters, secrets. None of their values is ever given out.

func (d *Double) keyHandlers() map[string]handler {
	return map[string]handler{"DescribeKey": d.describeKey}
}

func (d *Double) describeKey(in object) (object, error) {
	id := text(in, "KeyId")
	t := d.thing("AWS::KMS::Key", lastPart(id, "/"))
	if t == nil {
		return nil, fail("NotFoundException", "Key '%s' does not exist", id)
	}
	return object{"KeyMetadata": object{
		"KeyId": t.ID, "Arn": d.arn("kms", "key/"+t.ID), "KeyState": cmp.Or(text(t.Properties, "KeyState"), "Enabled"),
		"KeySpec": cmp.Or(text(t.Properties, "KeySpec"), "SYMMETRIC_DEFAULT"), "KeyUsage": cmp.Or(text(t.Properties, "KeyUsage"), "ENCRYPT_DECRYPT"),
		"DeletionDate": t.Properties["DeletionDate"],
	}}, nil
}

func (d *Double) connectionHandlers() map[string]handler {
	return map[string]handler{"GetConnection": d.getConnection}
}

func (d *Double) getConnection(in object) (object, error) {
	arn := text(in, "ConnectionArn")
	t := d.thing("AWS::CodeConnections::Connection", arn)
	if t == nil {
		return nil, fail("ResourceNotFoundException", "Connection not found.")
	}
	return object{"Connection": object{"ConnectionArn": arn, "ConnectionStatus": cmp.Or(text(t.Properties, "ConnectionStatus"), "AVAILABLE")}}, nil
}

func (d *Double) parameterHandlers() map[string]handler {
	return map[string]handler{"DescribeParameters": d.describeParameters}
}

// describeParameters knows the one filter Name, Option Equals, of those documented
// (docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParameterStringFilter.html).
func (d *Double) describeParameters(in object) (object, error) {
	found := list{}
	for _, filter := range objects(in, "ParameterFilters") {
		for _, name := range texts(filter, "Values") {
			if t := d.thing("AWS::SSM::Parameter", name); t != nil {
				found = append(found, object{"Name": t.ID, "Type": cmp.Or(text(t.Properties, "Type"), "SecureString")})
			}
		}
	}
	return object{"Parameters": found}, nil
}

func (d *Double) secretHandlers() map[string]handler {
	return map[string]handler{"DescribeSecret": d.describeSecret}
}

func (d *Double) describeSecret(in object) (object, error) {
	t := d.thing("AWS::SecretsManager::Secret", text(in, "SecretId"))
	if t == nil {
		return nil, fail("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	}
	return object{"Name": t.ID, "ARN": d.arn("secretsmanager", "secret:"+t.ID+"-AbCdEf"), "DeletedDate": t.Properties["DeletedDate"]}, nil
}
