package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"slipway/internal/config"
	"slipway/internal/image"
	"slipway/internal/source"
	"slipway/internal/vuln"
)

func securitySteps(r *repo) []step {
	return []step{
		{name: "gosec", group: groupSecurity, run: r.gosec},
		{name: "vulnerabilities in the source", group: groupSecurity, show: true, run: r.vulnerableSource},
		{name: "vulnerabilities in the binary", group: groupSecurity, show: true, run: r.vulnerableBinary},
		{name: "gitleaks", group: groupSecurity, run: r.gitleaks},
		{name: "licences", group: groupSecurity, run: r.licences},
	}
}

// commandRules are the rules of gosec that the command behind the scripts breaks by what it is for: it runs programs
// (G204, G702), reads and writes files that its user names (G304, G703, G122), leaves them readable as every tool leaves
// what it generates (G301, G302, G306), and counts what slipway.yaml has bounded (G115). All other packages are held to
// these, too: they are the service.
const commandRules = "G115,G122,G204,G301,G302,G304,G306,G702,G703"

// gosec wants no finding of at least medium severity and confidence.
func (r *repo) gosec(ctx context.Context, out io.Writer) (tally, error) {
	folders, err := r.packages(ctx, func(string) bool { return true })
	if err != nil {
		return tally{}, err
	}
	if len(folders) == 0 {
		return tally{}, leftOut(noGoCode)
	}
	gosec, err := r.tool(ctx, out, "gosec")
	if err != nil {
		return tally{}, err
	}
	command := "^" + regexp.QuoteMeta(r.root) + "/(gen|internal|scripts)/:" + commandRules
	return tally{}, r.do(ctx, out, gosec, append([]string{"-exclude-rules", command}, folders...)...)
}

// vulnerableSource wants no call of a function with a known vulnerability.
func (r *repo) vulnerableSource(ctx context.Context, out io.Writer) (tally, error) {
	return r.vulnerable(ctx, out, func(d vuln.Database) ([]vuln.Finding, error) {
		packages, err := r.goPackages(ctx)
		if err != nil {
			return nil, err
		}
		return vuln.Source(ctx, d, r.root, packages...)
	})
}

// vulnerableBinary wants none in the service as it is built, Go's own library in the version of this compiler included.
func (r *repo) vulnerableBinary(ctx context.Context, out io.Writer) (tally, error) {
	if err := r.need("web/main.go"); err != nil {
		return tally{}, err
	}
	return r.vulnerable(ctx, out, func(d vuln.Database) ([]vuln.Finding, error) {
		dir, err := os.MkdirTemp("", "slipway-check-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		binary := filepath.Join(dir, "web")
		if err := r.do(ctx, out, "go", "build", "-tags", image.BuildTags, "-o", binary, "./web"); err != nil {
			return nil, err
		}
		return vuln.Binary(ctx, d, binary)
	})
}

// vulnerable judges what look finds. Without a database nothing is checked, and that is said.
func (r *repo) vulnerable(ctx context.Context, out io.Writer, look func(vuln.Database) ([]vuln.Finding, error)) (tally, error) {
	security, err := r.securityConfig()
	if err != nil {
		return tally{}, err
	}
	database, err := vuln.Open(ctx, os.Getenv, security.Database)
	if err != nil {
		if errors.Is(err, vuln.ErrUnreachable) && !vuln.Required(os.Getenv, security.Offline) {
			return tally{}, leftOut("not checked: " + err.Error())
		}
		return tally{}, err
	}
	found, err := look(database)
	if err != nil {
		return tally{}, err
	}
	fmt.Fprintf(out, "database %s as of %s\n", database.URL, database.Modified.Format("2006-01-02"))
	return tally{}, vuln.Judge(out, found, security.Accepted())
}

// securityConfig is what slipway.yaml says about these checks.
func (r *repo) securityConfig() (config.Security, error) {
	cfg, err := config.Load(r.path(config.File))
	return cfg.Security, err
}

// gitleaks looks for secrets in what the source zip would hold: what git tracks and, without git, all that is source.
func (r *repo) gitleaks(ctx context.Context, out io.Writer) (tally, error) {
	gitleaks, err := r.tool(ctx, out, "gitleaks")
	if err != nil {
		return tally{}, err
	}
	tree, err := source.List(ctx, r.root)
	if err != nil {
		return tally{}, err
	}
	dir, err := os.MkdirTemp("", "slipway-check-")
	if err != nil {
		return tally{}, err
	}
	defer os.RemoveAll(dir)
	if err := copyFiles(tree, dir); err != nil {
		return tally{}, err
	}
	// In the folder, so that findings are named as the repository names its files.
	cmd := r.command(ctx, out, gitleaks, "dir", "--no-banner", "--no-color", "--redact", "--verbose", ".")
	cmd.Dir = dir
	if err := cmd.Run(); err != nil {
		return tally{}, fmt.Errorf("run gitleaks: %w: take the secret out and make it void; "+
			"what only looks like one is named in .gitleaks.toml, or by a comment gitleaks:allow on its line", err)
	}
	return tally{}, nil
}

// copyFiles copies the tree's regular files.
func copyFiles(tree source.Tree, dir string) error {
	for _, file := range tree.Files {
		if file.Mode == source.Symlink {
			continue
		}
		content, err := os.ReadFile(filepath.Join(tree.Root, filepath.FromSlash(file.Path)))
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(file.Path))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
