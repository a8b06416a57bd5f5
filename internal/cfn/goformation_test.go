package cfn_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/awslabs/goformation/v7/cloudformation/applicationautoscaling"
	"github.com/awslabs/goformation/v7/cloudformation/cloudformation"
	"github.com/awslabs/goformation/v7/cloudformation/codebuild"
	"github.com/awslabs/goformation/v7/cloudformation/codepipeline"
	"github.com/awslabs/goformation/v7/cloudformation/ec2"
	"github.com/awslabs/goformation/v7/cloudformation/ecr"
	"github.com/awslabs/goformation/v7/cloudformation/ecs"
	"github.com/awslabs/goformation/v7/cloudformation/elasticloadbalancingv2"
	"github.com/awslabs/goformation/v7/cloudformation/events"
	"github.com/awslabs/goformation/v7/cloudformation/iam"
	"github.com/awslabs/goformation/v7/cloudformation/logs"
	"github.com/awslabs/goformation/v7/cloudformation/s3"
	"github.com/google/go-cmp/cmp"

	"slipway/internal/cfn"
)

// TestSameAsMarshalJSON: reading the structs by reflection gives what goformation's own MarshalJSON gives, for structs
// with every field set and with none but the required ones.
func TestSameAsMarshalJSON(t *testing.T) {
	for _, empty := range []cfn.Resource{
		&applicationautoscaling.ScalableTarget{}, &applicationautoscaling.ScalingPolicy{}, &cloudformation.Stack{},
		&codebuild.Project{}, &codepipeline.Pipeline{}, &ec2.EIP{}, &ec2.FlowLog{}, &ec2.NatGateway{}, &ec2.Route{},
		&ec2.SecurityGroup{}, &ec2.Subnet{}, &ec2.VPC{}, &ec2.VPCEndpoint{}, &ecr.Repository{}, &ecs.Cluster{}, &ecs.Service{},
		&ecs.TaskDefinition{}, &elasticloadbalancingv2.Listener{}, &elasticloadbalancingv2.ListenerRule{},
		&elasticloadbalancingv2.LoadBalancer{}, &elasticloadbalancingv2.TargetGroup{}, &events.Rule{}, &iam.ManagedPolicy{},
		&iam.Role{}, &logs.LogGroup{}, &s3.Bucket{}, &s3.BucketPolicy{},
	} {
		for _, all := range []bool{true, false} {
			fill(reflect.ValueOf(empty).Elem(), all)
			template := cfn.New("A template")
			template.Add("Thing", empty)
			template.Add("A", &ec2.VPC{})
			template.Add("B", &ec2.VPC{})
			out, err := template.Render("")
			if err != nil {
				t.Fatalf("%s: %v", empty.AWSCloudFormationType(), err)
			}
			got := parse(t, out)["Resources"].(map[string]any)["Thing"]
			if want := marshalled(t, empty); !same(got, want) {
				t.Errorf("%s (-want +got):\n%s", empty.AWSCloudFormationType(), cmp.Diff(want, got))
			}
			reflect.ValueOf(empty).Elem().SetZero()
		}
	}
}

// marshalled is the resource by its own MarshalJSON; where nothing is set we leave Properties out.
func marshalled(t *testing.T, r cfn.Resource) any {
	t.Helper()
	out, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatal(err)
	}
	if len(m["Properties"].(map[string]any)) == 0 {
		delete(m, "Properties")
	}
	return m
}

// fill sets all fields, or only the required ones.
func fill(v reflect.Value, all bool) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("text of " + v.Type().Name())
	case reflect.Bool:
		v.SetBool(all)
	case reflect.Int:
		v.SetInt(42)
	case reflect.Float64:
		v.SetFloat(1.5)
	case reflect.Interface:
		v.Set(reflect.ValueOf(map[string]any{"Any": []any{"thing", 1.0, true}}))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), all)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), all)
		fill(v.Index(1), all)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		item := reflect.New(v.Type().Elem()).Elem()
		fill(item, all)
		v.SetMapIndex(reflect.ValueOf("a key"), item)
	case reflect.Struct:
		fillFields(v, all)
	}
}

func fillFields(v reflect.Value, all bool) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		tag := f.Tag.Get("json")
		switch {
		case !f.IsExported(), f.Name == "AWSCloudFormationCondition":
		case f.Name == "AWSCloudFormationDependsOn":
			if all {
				v.Field(i).Set(reflect.ValueOf([]string{"A", "B"}))
			}
		case strings.HasPrefix(f.Name, "AWSCloudFormation"):
			if all {
				fill(v.Field(i), all)
			}
		case f.Name == "FilterGroups": // no field can be set in it; Render refuses it
		case !all && strings.HasSuffix(tag, ",omitempty") && v.Type().Name() != "Tag":
		default:
			fill(v.Field(i), all)
		}
	}
}
