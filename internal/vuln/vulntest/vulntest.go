// Package vulntest writes databases of vulnerabilities, for tests and rehearsals.
package vulntest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// Advisory says that every version of a module has a vulnerability, in one function of a package of its.
type Advisory struct {
	ID      string
	Module  string // "stdlib" for Go's own library
	Package string
	Symbol  string
	Fixed   string // without the v; may be empty
}

type object map[string]any

// Write makes a database in dir, in the layout of go.dev/doc/security/vuln/database.
func Write(dir string, advisories ...Advisory) error {
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	modules, vulns, byModule := []object{}, []object{}, map[string][]object{}
	for _, a := range advisories {
		events := []object{{"introduced": "0"}}
		if a.Fixed != "" {
			events = append(events, object{"fixed": a.Fixed})
		}
		entry := object{
			"schema_version": "1.3.1", "id": a.ID, "modified": now, "published": now, "summary": "planted in " + a.Package, "details": "planted",
			"affected": []object{{
				"package":            object{"name": a.Module, "ecosystem": "Go"},
				"ranges":             []object{{"type": "SEMVER", "events": events}},
				"ecosystem_specific": object{"imports": []object{{"path": a.Package, "symbols": []string{a.Symbol}}}},
			}},
		}
		if err := write(dir, "ID/"+a.ID+".json", entry); err != nil {
			return err
		}
		byModule[a.Module] = append(byModule[a.Module], object{"id": a.ID, "modified": now, "fixed": a.Fixed})
		vulns = append(vulns, object{"id": a.ID, "modified": now})
	}
	for path, list := range byModule {
		modules = append(modules, object{"path": path, "vulns": list})
	}
	for name, value := range map[string]any{"db": object{"modified": now}, "modules": modules, "vulns": vulns} {
		if err := write(dir, "index/"+name+".json", value); err != nil {
			return err
		}
	}
	return nil
}

func write(dir, name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}
