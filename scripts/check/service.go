package main

import (
	"context"
	"io"
	"os/exec"
)

// screenshots is where the pictures of the service's page are left, to be looked at.
const screenshots = ".slipway/screenshots"

// asDescribed has schemathesis hold the service's answers against the document that it serves.
func (r *repo) asDescribed(ctx context.Context, out io.Writer) (tally, error) {
	if err := r.install(ctx, out, service); err != nil {
		return tally{}, err
	}
	return r.tryService(ctx, out, "TestAnswersAreAsDescribed", "SLIPWAY_SCHEMATHESIS="+r.path(service.bin("schemathesis")))
}

// page looks at the service's page in Chromium.
func (r *repo) page(ctx context.Context, out io.Writer) (tally, error) {
	chromium := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			chromium = found
			break
		}
	}
	if chromium == "" {
		return tally{}, leftOut("there is no Chromium (Debian and Ubuntu: apt-get install chromium)")
	}
	if err := r.install(ctx, out, service); err != nil {
		return tally{}, err
	}
	return r.tryService(ctx, out, "TestPageInChromium",
		"SLIPWAY_CHROMIUM="+chromium, "SLIPWAY_PYTHON="+r.path(service.bin("python")), "SLIPWAY_SCREENSHOTS="+r.path(screenshots))
}

func (r *repo) tryService(ctx context.Context, out io.Writer, test string, env ...string) (tally, error) {
	return r.goTest(ctx, out, env, "-tags", e2eTag, "-count=1", "-run", "^"+test+"$", "./web")
}
