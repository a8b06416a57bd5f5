package ec2query_test

import (
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/ec2query"
)

// The answers are shortened from the example of API_DescribeNetworkInterfaces and from github.com/alantech/iasql/pull/654.
func TestInterfacesIn(t *testing.T) {
	pages := map[string]string{
		"": `<networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId><description>ELB app/shop/50dc6c495c0c9188</description>
			<interfaceType>interface</interfaceType><requesterManaged>true</requesterManaged><status>in-use</status></item></networkInterfaceSet><nextToken>more</nextToken>`,
		"more": `<networkInterfaceSet><item><networkInterfaceId>eni-2</networkInterfaceId><description>mine</description><requesterManaged>false</requesterManaged>
			<attachment><instanceId>i-1</instanceId></attachment></item></networkInterfaceSet>`,
	}
	cfg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		if form.Get("Filter.1.Name") != "group-id" || form.Get("Filter.1.Value.1") != "sg-1" {
			t.Errorf("asked by %v", form)
		}
		_, _ = io.WriteString(w, answer("DescribeNetworkInterfaces", pages[form.Get("NextToken")]))
	})
	got, err := ec2query.New(cfg).InterfacesIn(t.Context(), "group-id", "sg-1")
	want := []ec2query.NetworkInterface{
		{ID: "eni-1", Description: "ELB app/shop/50dc6c495c0c9188", Type: "interface", Managed: true}, {ID: "eni-2", Description: "mine", Instance: "i-1"},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestWithin(t *testing.T) {
	cfg := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, answer("DescribeSecurityGroups", `<securityGroupInfo><item><groupId>sg-1</groupId><groupName>default</groupName></item><item><groupId>sg-2</groupId><groupName>web</groupName></item></securityGroupInfo>`))
	})
	got, err := ec2query.New(cfg).Within(t.Context(), ec2query.SecurityGroup, "vpc-1")
	if diff := cmp.Diff([]string{"sg-2"}, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}
