package residue

import (
	"context"
	"strings"

	"slipway/internal/ec2query"
)

const ec2Batch = 100

// Groups of addresses: by what they are asked for.
const (
	byAllocation = "allocation"
	byAddress    = "address"
)

// existing makes the kind of what EC2 finds by an id with this prefix; within as in kind.
func existing(s services, what ec2query.Kind, call, prefix, within string) kind {
	return kind{
		call: call, batch: ec2Batch, within: within,
		group: func(id string) (string, bool) { return "", part(id, prefix) != "" },
		ask: func(ctx context.Context, _ string, ids []string) (map[string]status, error) {
			return s.existing(ctx, what, ids, func(id string) string {
				if what == ec2query.Route {
					return id
				}
				return part(id, prefix)
			})
		},
	}
}

// existing asks for the ids by the key that EC2 knows them by.
func (s services) existing(ctx context.Context, what ec2query.Kind, ids []string, key func(string) string) (map[string]status, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = key(id)
	}
	states, err := s.ec2.Existing(ctx, what, keys)
	found := map[string]status{}
	for i, id := range ids {
		// NAT gateways and VPC endpoints are listed as deleted for about an hour
		// (docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html).
		if state, there := states[keys[i]]; there && !strings.EqualFold(state, "deleted") {
			found[id] = status{state: state}
		}
	}
	return found, err
}

// part is the one of an id's parts, which bars separate, that begins with the prefix, or empty.
func part(id, prefix string) string {
	for candidate := range strings.SplitSeq(id, "|") {
		if strings.HasPrefix(candidate, prefix) {
			return candidate
		}
	}
	return ""
}

func addressKind(id string) (string, bool) {
	if part(id, "eipalloc-") != "" {
		return byAllocation, true
	}
	return byAddress, true
}

func (s services) addresses(ctx context.Context, group string, ids []string) (map[string]status, error) {
	if group == byAllocation {
		return s.existing(ctx, ec2query.Allocation, ids, func(id string) string { return part(id, "eipalloc-") })
	}
	return s.existing(ctx, ec2query.PublicIP, ids, func(id string) string { return id })
}
