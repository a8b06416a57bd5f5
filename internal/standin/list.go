package standin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"slipway/internal/config"
)

// Where the local engine's zones are.
const zone = "us-east-1"

// wanted is what has to stand in, as a template.
type wanted struct {
	resources, outputs map[string]any
	given              map[string]string // logical ids by the ids in slipway.yaml
	lines              []string
}

// properties of a resource, or anything else that is a mapping.
type properties = map[string]any

func list(cfg config.Config) *wanted {
	w := &wanted{resources: properties{}, outputs: properties{}, given: map[string]string{}}
	w.security(cfg.Security)
	domains := map[string][]string{}
	for _, env := range cfg.Environments {
		for _, id := range []string{env.Entry.HostedZone, env.Entry.Certificate} {
			domains[id] = append(domains[id], env.Entry.Domain)
		}
	}
	for _, env := range cfg.Environments {
		w.entry(env.Entry, domains)
		w.network(env.Network)
		w.topic(env.Watch.Topic)
		w.secrets(cfg.Service, env.Name)
	}
	return w
}

// How a resource's id is had, from its logical id.
func ref(logical string) any { return properties{"Ref": logical} }
func arn(logical string) any { return properties{"Fn::GetAtt": []string{logical, "Arn"}} }

// logicalID is the same for the same id each time.
func logicalID(kind, given string) string {
	sum := sha256.Sum256([]byte(given))
	return kind[strings.LastIndex(kind, ":")+1:] + hex.EncodeToString(sum[:4])
}

// add puts one resource in the place of an id of slipway.yaml, once.
func (w *wanted) add(key, given, what, kind string, p properties, id func(string) any) {
	if w.given[given] != "" {
		return
	}
	logical := logicalID(kind, given)
	w.given[given] = logical
	w.resources[logical] = properties{"Type": kind, "Properties": p}
	w.outputs[logical] = properties{"Value": id(logical)}
	w.lines = append(w.lines, fmt.Sprintf("%s: %s stands in for %s", key, what, given))
}

func (w *wanted) security(s config.Security) {
	everything := func(more properties) []properties {
		statement := properties{"Effect": "Allow", "Action": "*", "Resource": "*"}
		maps.Copy(statement, more)
		return []properties{statement}
	}
	if s.Boundary != "" {
		w.add("security.boundary", s.Boundary, "a policy that allows everything", "AWS::IAM::ManagedPolicy",
			properties{"PolicyDocument": properties{"Version": "2012-10-17", "Statement": everything(nil)}}, ref)
	}
	if s.Key != "" {
		owner := properties{"Action": "kms:*", "Principal": properties{"AWS": properties{"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}}
		w.add("security.key", s.Key, "a key", "AWS::KMS::Key",
			properties{"KeyPolicy": properties{"Version": "2012-10-17", "Statement": everything(owner)}}, arn)
	}
}

// topic lets event rules publish, which a topic's first policy does not.
func (w *wanted) topic(given string) {
	if given == "" {
		return
	}
	w.add("watch.topic", given, "a topic", "AWS::SNS::Topic", properties{}, ref)
	topic := w.given[given]
	w.resources[topic+"Policy"] = properties{"Type": "AWS::SNS::TopicPolicy", "Properties": properties{
		"Topics": []any{ref(topic)},
		"PolicyDocument": properties{"Version": "2012-10-17", "Statement": []properties{{
			"Effect": "Allow", "Principal": properties{"Service": []string{"cloudwatch.amazonaws.com", "events.amazonaws.com"}}, "Action": "sns:Publish", "Resource": ref(topic),
		}}},
	}}
}

// entry has one zone and one certificate for all domains that name it.
func (w *wanted) entry(e config.Entry, domains map[string][]string) {
	if e.HostedZone != "" {
		name := zoneOf(domains[e.HostedZone])
		w.add("entry.hostedZone", e.HostedZone, "an empty zone "+name, "AWS::Route53::HostedZone", properties{"Name": name}, ref)
	}
	if e.Certificate != "" {
		names := domains[e.Certificate]
		w.add("entry.certificate", e.Certificate, "a certificate for "+strings.Join(names, ", "), "AWS::CertificateManager::Certificate",
			properties{"DomainName": names[0], "SubjectAlternativeNames": names, "ValidationMethod": "DNS"}, ref)
	}
}

// zoneOf is the domain that all of these have in common; of one with three labels or more, what is above it.
func zoneOf(domains []string) string {
	common := strings.Split(domains[0], ".")
	if len(common) > 2 {
		common = common[1:]
	}
	for _, domain := range domains[1:] {
		labels := strings.Split(domain, ".")
		for !slices.Equal(common, labels[max(0, len(labels)-len(common)):]) {
			common = common[1:]
		}
	}
	return strings.Join(common, ".")
}

// network is a VPC with the subnets that slipway.yaml names: the public ones lead to the internet, the private ones too,
// through a NAT gateway.
func (w *wanted) network(n config.Network) {
	if !n.Exists() || w.given[n.VPC] != "" {
		return
	}
	w.add("network.vpc", n.VPC, "a VPC "+n.CIDR.String(), "AWS::EC2::VPC",
		properties{"CidrBlock": n.CIDR.String(), "EnableDnsSupport": true, "EnableDnsHostnames": true}, ref)
	vpc := ref(w.given[n.VPC])
	in := func(kind string, p properties) string {
		logical := logicalID(kind, n.VPC+fmt.Sprint(len(w.resources)))
		w.resources[logical] = properties{"Type": kind, "Properties": p}
		return logical
	}
	gateway := in("AWS::EC2::InternetGateway", properties{})
	attached := in("AWS::EC2::VPCGatewayAttachment", properties{"VpcId": vpc, "InternetGatewayId": ref(gateway)})
	subnets := func(key string, ids []string, from int, way properties) {
		if len(ids) == 0 {
			return
		}
		table := in("AWS::EC2::RouteTable", properties{"VpcId": vpc})
		way["RouteTableId"], way["DestinationCidrBlock"] = ref(table), "0.0.0.0/0"
		w.resources[in("AWS::EC2::Route", way)].(properties)["DependsOn"] = attached
		for i, id := range ids {
			w.add(key, id, "a subnet", "AWS::EC2::Subnet", properties{
				"VpcId": vpc, "AvailabilityZone": fmt.Sprintf("%s%c", zone, 'a'+i), "CidrBlock": block(n.CIDR, from+i).String(),
			}, ref)
			in("AWS::EC2::SubnetRouteTableAssociation", properties{"SubnetId": ref(w.given[id]), "RouteTableId": ref(table)})
		}
	}
	subnets("network.publicSubnets", n.PublicSubnets, 0, properties{"GatewayId": ref(gateway)})
	if len(n.PrivateSubnets) > 0 {
		address := in("AWS::EC2::EIP", properties{"Domain": "vpc"})
		nat := properties{"ConnectivityType": "public", "AllocationId": properties{"Fn::GetAtt": []string{address, "AllocationId"}}}
		subnets("network.privateSubnets", n.PrivateSubnets, 4, properties{"NatGatewayId": ref(in("AWS::EC2::NatGateway", nat))})
		nat["SubnetId"] = ref(w.given[append(slices.Clone(n.PublicSubnets), n.PrivateSubnets...)[0]])
	}
}

// block is the i-th eighth of a range.
func block(of netip.Prefix, i int) netip.Prefix {
	address := of.Masked().Addr().As4()
	size := uint32(1) << (32 - of.Bits() - 3)
	base := uint32(address[0])<<24 | uint32(address[1])<<16 | uint32(address[2])<<8 | uint32(address[3])
	base += uint32(i) * size
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(base >> 24), byte(base >> 16), byte(base >> 8), byte(base)}), of.Bits()+3)
}

// secrets bear the names that slipway.yaml gives them, so that nothing has to be replaced.
func (w *wanted) secrets(s config.Service, environment string) {
	all := slices.Clone(s.Secrets)
	for _, sidecar := range s.Sidecars {
		all = append(all, sidecar.Secrets...)
	}
	keys := map[string]map[string]string{} // of JSON secrets
	for _, secret := range all {
		name := secret.In(environment)
		if secret.Store == config.ParameterStore {
			w.add("secrets", name, "a parameter", "AWS::SSM::Parameter", properties{"Name": name, "Type": "String", "Value": "stand-in"}, ref)
			continue
		}
		if keys[name] == nil {
			keys[name] = map[string]string{}
		}
		if secret.Key != "" {
			keys[name][secret.Key] = "stand-in"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		value := "stand-in"
		if len(keys[name]) > 0 {
			text, _ := json.Marshal(keys[name]) // texts cannot fail
			value = string(text)
		}
		w.add("secrets", name, "a secret", "AWS::SecretsManager::Secret", properties{"Name": name, "SecretString": value}, ref)
	}
}

// replace puts the stand-ins' ids in the place of those of slipway.yaml.
func replace(cfg config.Config, ids map[string]string) config.Config {
	put := func(id *string) {
		if ids[*id] != "" {
			*id = ids[*id]
		}
	}
	put(&cfg.Security.Boundary)
	put(&cfg.Security.Key)
	cfg.Environments = slices.Clone(cfg.Environments)
	for i := range cfg.Environments {
		env := &cfg.Environments[i]
		env.Network.PublicSubnets, env.Network.PrivateSubnets = slices.Clone(env.Network.PublicSubnets), slices.Clone(env.Network.PrivateSubnets)
		for _, id := range []*string{&env.Entry.HostedZone, &env.Entry.Certificate, &env.Watch.Topic, &env.Network.VPC} {
			put(id)
		}
		for _, subnets := range [][]string{env.Network.PublicSubnets, env.Network.PrivateSubnets} {
			for j := range subnets {
				put(&subnets[j])
			}
		}
	}
	return cfg
}
