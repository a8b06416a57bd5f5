package vuln

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"slipway/internal/contract"
)

// Public is the Go project's database of vulnerabilities (go.dev/doc/security/vuln/database).
const Public = "https://vuln.go.dev"

// answerLimit is how long a database may take to answer.
const answerLimit = 15 * time.Second

// ErrUnreachable says that there is no database to ask, so that nothing was checked.
var ErrUnreachable = errors.New("the database of vulnerabilities cannot be reached")

// Database is one that has answered.
type Database struct {
	URL      string
	Modified time.Time // when its newest entry was
}

// Open asks a database, http(s): or file:, for its age. GOVULNDB goes before configured, as for the govulncheck command;
// with neither it is the public one. The error is ErrUnreachable where there is none.
func Open(ctx context.Context, getenv func(string) string, configured string) (Database, error) {
	d := Database{URL: strings.TrimRight(cmp.Or(getenv("GOVULNDB"), configured, Public), "/")}
	text, err := d.fetch(ctx, "index/db.json")
	if err != nil {
		return Database{}, fmt.Errorf("%w: %s: %w; GOVULNDB or security.database in slipway.yaml names another, file:///... a folder with a copy",
			ErrUnreachable, d.URL, err)
	}
	var about struct{ Modified time.Time }
	if err := json.Unmarshal(text, &about); err != nil {
		return Database{}, fmt.Errorf("%w: %s: index/db.json: %w", ErrUnreachable, d.URL, err)
	}
	d.Modified = about.Modified
	return d, nil
}

func (d Database) fetch(ctx context.Context, name string) ([]byte, error) {
	at, err := url.Parse(d.URL)
	if err != nil {
		return nil, err
	}
	if at.Scheme == "file" {
		return os.ReadFile(filepath.Join(filepath.FromSlash(at.Path), filepath.FromSlash(name)))
	}
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.URL+"/"+name, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, 1<<20))
}

// Required says whether a check that has no database fails: in a build on AWS, where somebody relies on it, unless
// slipway.yaml says offline. On one's own machine, the local engine's builds included, it is left out and says so.
func Required(getenv func(string) string, offline bool) bool {
	return getenv("CODEBUILD_BUILD_ID") != "" && getenv(contract.VarLocalEngine) == "" && !offline
}
