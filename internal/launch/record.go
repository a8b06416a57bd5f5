package launch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"slipway/internal/residue"
)

// record is the list of everything that a destroy has to see gone. It is kept in a file until that is proven.
type record struct {
	file      string
	Resources []residue.Resource
}

// openRecord reads what an earlier destroy of this application, account and Region left unproven.
func (l *Launcher) openRecord() (*record, error) {
	r := &record{file: filepath.Join(l.Records, fmt.Sprintf("destroy-%s-%s-%s.json", l.Config.Name, l.account, l.AWS.Region))}
	text, err := os.ReadFile(r.file)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r.Resources)
	}
	if err != nil {
		return nil, fmt.Errorf("read what an earlier destroy recorded: %w; delete the file if you know that all is gone", err)
	}
	return r, nil
}

func (r *record) empty() bool { return len(r.Resources) == 0 }

func (r *record) add(resource residue.Resource) {
	if !slices.Contains(r.Resources, resource) {
		r.Resources = append(r.Resources, resource)
	}
}

func (r *record) ofType(kind string) []residue.Resource {
	var list []residue.Resource
	for _, resource := range r.Resources {
		if resource.Type == kind {
			list = append(list, resource)
		}
	}
	return list
}

// of lists what a stack and those nested in it have.
func (r *record) of(s stack) []residue.Resource {
	var list []residue.Resource
	for _, resource := range r.Resources {
		if resource.StackName == s.name || strings.HasPrefix(resource.StackName, s.name+".") {
			list = append(list, resource)
		}
	}
	return list
}

// ids returns the physical ids of one type, in all stacks.
func (r *record) ids(kind string) []string {
	var ids []string
	for _, resource := range r.ofType(kind) {
		ids = append(ids, resource.PhysicalID)
	}
	return ids
}

// save writes the record whole or not at all.
func (r *record) save() error {
	text, err := json.MarshalIndent(r.Resources, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(r.file), 0o755)
	}
	if err == nil {
		err = os.WriteFile(r.file+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(r.file+".new", r.file)
	}
	if err != nil {
		return fmt.Errorf("record what will be deleted: %w", err)
	}
	return nil
}

func (r *record) forget() error {
	if err := os.Remove(r.file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the record of what was deleted: %w", err)
	}
	return nil
}
