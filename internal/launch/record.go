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

// record is the list of everything that a destroy has to see gone. It is kept in a file until that is proven: of the whole
// application in one, so that a destroy of all goes on where one of an environment was killed, and the other way round.
type record struct {
	file  string
	roots []string // the root stacks that this destroy is about; nil: all
	all   []entry
}

// entry is one resource that there was, and how it is to end.
type entry struct {
	residue.Resource
	Keep   string `json:",omitempty"` // the template's DeletionPolicy, where that is to keep it
	Former string `json:",omitempty"` // its UpdateReplacePolicy, where that is to keep what it takes the place of
}

// openRecord reads what earlier destroys of this application, account and Region left unproven.
func (l *Launcher) openRecord(roots []string) (*record, error) {
	r := &record{file: filepath.Join(l.Records, fmt.Sprintf("destroy-%s-%s-%s.json", l.Config.Name, l.account, l.AWS.Region)), roots: roots}
	text, err := os.ReadFile(r.file)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r.all)
	}
	if err != nil {
		return nil, fmt.Errorf("read what an earlier destroy recorded: %w; delete the file if you know that all is gone", err)
	}
	return r, nil
}

// covers says whether this destroy is about a root stack, or one nested in it (shop-prod.ECS).
func (r *record) covers(stackName string) bool {
	root, _, _ := strings.Cut(stackName, ".")
	return r.roots == nil || slices.Contains(r.roots, root)
}

// resources are those that this destroy is to see gone.
func (r *record) resources() []residue.Resource {
	var list []residue.Resource
	for _, e := range r.all {
		if e.Keep == "" && r.covers(e.StackName) {
			list = append(list, e.Resource)
		}
	}
	return list
}

// kept are those that their templates keep.
func (r *record) kept() []entry {
	return slices.DeleteFunc(slices.Clone(r.all), func(e entry) bool { return e.Keep == "" || !r.covers(e.StackName) })
}

// add notes a resource, or by what policies by now.
func (r *record) add(e entry) {
	i := slices.IndexFunc(r.all, func(known entry) bool { return known.Resource == e.Resource })
	if i < 0 {
		r.all = append(r.all, e)
		return
	}
	r.all[i].Keep, r.all[i].Former = e.Keep, e.Former
}

func (r *record) ofType(kind string) []residue.Resource {
	return slices.DeleteFunc(r.resources(), func(resource residue.Resource) bool { return resource.Type != kind })
}

// of lists what a stack and those nested in it have.
func (r *record) of(s stack) []residue.Resource {
	return slices.DeleteFunc(r.resources(), func(resource residue.Resource) bool {
		return resource.StackName != s.name && !strings.HasPrefix(resource.StackName, s.name+".")
	})
}

// pipelinesOf are the pipelines in the tree of a stack.
func (r *record) pipelinesOf(s stack) []residue.Resource {
	return slices.DeleteFunc(r.of(s), func(resource residue.Resource) bool { return resource.Type != pipelineType })
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
	text, err := json.MarshalIndent(r.all, "", "  ")
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

// forget drops what this destroy was about, and the file with the last of it.
func (r *record) forget() error {
	r.all = slices.DeleteFunc(r.all, func(e entry) bool { return r.covers(e.StackName) })
	if len(r.all) > 0 {
		return r.save()
	}
	if err := os.Remove(r.file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the record of what was deleted: %w", err)
	}
	return nil
}
