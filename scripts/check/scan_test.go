package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const scanned = `Resources:
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Metadata:
      cfripper:
        skip:
          - id: SomeRule
            comment: because
      checkov:
        skip:
          - id: CKV_AWS_2
            comment: no domain
          - id: CKV_AWS_3
            comment: slipway.yaml says so
            optional: true
    Properties:
      LoadBalancerArn: !Ref LoadBalancer
  LoadBalancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
`

// Declared is what is needed to see that each form of acceptance is heeded, once.
func TestCopyForScan(t *testing.T) {
	dir := t.TempDir()
	other := strings.Replace(scanned, "CKV_AWS_3", "CKV_AWS_4", 1)
	c, err := copyForScan(dir, []templateSet{
		{name: "a", files: []templateFile{{"a/x.yaml", []byte(scanned)}, {"a/y.yaml", []byte(other)}}},
		{name: "b", files: []templateFile{{"b/x.yaml", []byte(scanned)}, {"b/y.yaml", []byte(scanned + "  Topic:\n    Type: AWS::SNS::Topic\n")}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a/x.yaml", "a/y.yaml", "b/y.yaml"}, c.origin); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for sub, want := range map[string][]string{bareDir: {"0000.yaml", "0001.yaml", "0002.yaml"}, declaredDir: {"0000.yaml", "0001.yaml"}} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, e.Name())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", sub, diff)
		}
	}
}

func TestTakeMetadata(t *testing.T) {
	accepted, bare, err := takeMetadata([]byte(scanned))
	if err != nil {
		t.Fatal(err)
	}
	want := []suppression{
		{finding{resource: "Listener", rule: "CKV_AWS_2"}, "no domain", false},
		{finding{resource: "Listener", rule: "CKV_AWS_3"}, "slipway.yaml says so", true},
		{finding{resource: "Listener", rule: "SomeRule"}, "because", false},
	}
	if diff := cmp.Diff(want, accepted, cmp.AllowUnexported(suppression{}, finding{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if strings.Contains(string(bare), "Metadata") || !strings.Contains(string(bare), "LoadBalancerArn: !Ref LoadBalancer") {
		t.Errorf("the template without metadata is:\n%s", bare)
	}
	if _, _, err := takeMetadata([]byte("")); err == nil {
		t.Error("an empty template has been read")
	}
}

// checkov's script begins with the path of its Python as it is, which the system cuts at a space: in a clone in such a folder
// it can only be run by that Python.
func TestCheckovInAFolderWithASpace(t *testing.T) {
	before := scanners
	t.Cleanup(func() { scanners = before })
	scanners = environment{dir: filepath.Join(t.TempDir(), "new folder")}
	python := scanners.bin("python")
	for name, text := range map[string]string{
		python:                  "#!/bin/sh\nexec /bin/sh \"$@\"\n",
		scanners.bin("checkov"): "#!" + python + "\necho '{\"results\": {}, \"summary\": {\"passed\": 1}}'\n",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r := &repo{root: t.TempDir()}
	if found, err := r.checkov(t.Context(), copies{dir: t.TempDir()}); err != nil || len(found) > 0 {
		t.Errorf("it found %v, error %v", found, err)
	}
}

func TestReadCheckov(t *testing.T) {
	found, err := readCheckov([]byte(`{"results": {"failed_checks": [
		{"check_id": "CKV_AWS_2", "file_path": "/bare/0000.yaml", "resource": "AWS::ElasticLoadBalancingV2::Listener.Listener"},
		{"check_id": "CKV_AWS_18", "file_path": "/declared/0001.yaml", "resource": "AWS::S3::Bucket.Bucket"}
	], "parsing_errors": []}, "summary": {"passed": 3}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]finding{
		bareDir:     {{"0000.yaml", "Listener", "CKV_AWS_2"}},
		declaredDir: {{"0001.yaml", "Bucket", "CKV_AWS_18"}},
	}
	if diff := cmp.Diff(want, found, cmp.AllowUnexported(finding{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, text := range map[string]string{
		"no JSON":                `checkov`,
		"a file it cannot parse": `{"results": {"parsing_errors": ["a.yaml"]}, "summary": {"passed": 3}}`,
		"nothing checked":        `{"passed": 0, "failed": 0}`,
	} {
		if _, err := readCheckov([]byte(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestReadCfripper(t *testing.T) {
	names := []string{"0000.yaml", "0001.yaml"}
	found, err := readCfripper([]byte(`{"exceptions":[],"failures":[]}
{"exceptions":[],"failures":[{"rule":"R","resource_ids":["A","B"]}]}
`), names)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]finding{{"0001.yaml", "A", "R"}, {"0001.yaml", "B", "R"}}, found, cmp.AllowUnexported(finding{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := readCfripper([]byte(`{"exceptions":[],"failures":[]}`), names); err == nil {
		t.Error("a file is missing in the answer, and it passed")
	}
	if _, err := readCfripper([]byte(`{"exceptions":["x"],"failures":[]}`), names[:1]); err == nil {
		t.Error("a rule has crashed, and it passed")
	}
}

func TestJudge(t *testing.T) {
	f := finding{"0000.yaml", "Listener", "CKV_AWS_2"}
	reasoned := []suppression{{f, "no domain", false}}
	tests := map[string]struct {
		accepted  []suppression
		byCheckov map[string][]finding
		want      string
	}{
		"nothing found, nothing accepted": {},
		"found and accepted":              {accepted: reasoned, byCheckov: map[string][]finding{bareDir: {f}}},
		"found":                           {byCheckov: map[string][]finding{bareDir: {f}, declaredDir: {f}}, want: "CKV_AWS_2 on Listener: found: mend it"},
		"accepted for nothing":            {accepted: reasoned, want: "CKV_AWS_2 on Listener: accepted in the metadata and not found"},
		"accepted for nothing, optional":  {accepted: []suppression{{f, "slipway.yaml says so", true}}},
		"accepted without a reason":       {accepted: []suppression{{f, "", false}}, byCheckov: map[string][]finding{bareDir: {f}}, want: "without a reason"},
		"not heeded by checkov":           {accepted: reasoned, byCheckov: map[string][]finding{bareDir: {f}, declaredDir: {f}}, want: "does not heed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var said bytes.Buffer
			err := judge(&said, copies{names: []string{"0000.yaml"}, origin: []string{"ecs.yaml"}}, test.accepted, test.byCheckov, nil)
			if (err != nil) != (test.want != "") || !strings.Contains(said.String(), test.want) {
				t.Errorf("%v, said %q, want %q", err, said.String(), test.want)
			}
		})
	}
}
