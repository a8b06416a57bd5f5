package main

import (
	"encoding/json"
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/mux"
)

func TestDocumentHasEveryRoute(t *testing.T) {
	var document struct {
		OpenAPI string
		Paths   map[string]map[string]struct{ OperationID string }
	}
	if err := json.Unmarshal(openAPI, &document); err != nil {
		t.Fatal(err)
	}
	var routes []string
	err := testService(io.Discard).routes().Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		routes = append(routes, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(routes)
	if diff := cmp.Diff(routes, slices.Sorted(maps.Keys(document.Paths))); diff != "" || document.OpenAPI != "3.1.0" {
		t.Errorf("OpenAPI %s; paths (-router +document):\n%s", document.OpenAPI, diff)
	}
	ids := map[string]bool{}
	for path, operations := range document.Paths {
		if got, want := slices.Sorted(maps.Keys(operations)), []string{"get", "head", "options"}; !slices.Equal(got, want) {
			t.Errorf("%s: operations %v, want %v", path, got, want)
		}
		for method, operation := range operations {
			if id := operation.OperationID; id == "" || ids[id] {
				t.Errorf("%s %s: operationId %q is empty or there twice", method, path, id)
			}
			ids[operation.OperationID] = true
		}
	}
}
