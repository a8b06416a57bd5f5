package config

import "slipway/internal/contract"

// RootParameters are the values of this environment's root parameters that stand in slipway.yaml: what names one account
// or Region (a certificate, a VPC) travels as a parameter, so that no template does.
func (c Config) RootParameters(e Environment) map[string]string {
	values := map[string]string{}
	set := func(key, value string) {
		if value != "" {
			values[key] = value
		}
	}
	set(contract.KeyCertificateARN, e.Entry.Certificate)
	set(contract.KeyHostedZoneID, e.Entry.HostedZone)
	set(contract.KeyTopicARN, e.Watch.Topic)
	set(contract.KeyEncryptionKeyARN, c.Security.Key)
	set(contract.KeyVPCID, e.Network.VPC)
	if e.UsesPublicSubnets() {
		for i, subnet := range e.Network.PublicSubnets {
			set(contract.KeyPublicSubnet(i), subnet)
		}
	}
	if c.IsPipelineHome(e) {
		set(contract.KeyConnectionARN, c.Pipeline.Source.Connection)
	}
	for i, subnet := range e.Network.PrivateSubnets {
		set(contract.KeyPrivateSubnet(i), subnet)
	}
	return values
}

// FoundationParameters are the same for the foundation.
func (c Config) FoundationParameters() map[string]string {
	values := map[string]string{}
	if c.Security.Boundary != "" {
		values[contract.KeyOwnBoundaryARN] = c.Security.Boundary
	}
	if c.Security.Key != "" {
		values[contract.KeyEncryptionKeyARN] = c.Security.Key
	}
	if c.Pipeline.Source.Connected() {
		values[contract.KeyConnectionARN] = c.Pipeline.Source.Connection
	}
	return values
}
