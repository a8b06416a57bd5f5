package main

import (
	"context"
	"io"
	"path/filepath"
)

// goTools are the packages of the tools that are written in Go, by the names of their commands. They are built from a
// module of their own, so that the product's go.mod does not name them.
var goTools = map[string]string{
	"gitleaks":          "github.com/zricethezav/gitleaks/v8",
	"gocover-cobertura": "github.com/boumenot/gocover-cobertura",
	"gosec":             "./gosec",
	"gotestsum":         "gotest.tools/gotestsum",
	"staticcheck":       "honnef.co/go/tools/cmd/staticcheck",
}

// tool builds one of them and returns the path of its command. Checkouts that share the tools share these, so their
// paths must not be in them.
func (r *repo) tool(ctx context.Context, out io.Writer, name string) (string, error) {
	dir := r.path(toolsFolder("bin"))
	return filepath.Join(dir, name), r.do(ctx, out, "go", "-C", toolsDir, "build", "-trimpath", "-o", dir+"/", goTools[name])
}
