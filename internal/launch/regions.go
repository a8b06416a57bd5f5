package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"slipway/internal/contract"
	"slipway/internal/regions"
)

// partition is what an ARN begins with and what a host name ends with.
type partition struct{ name, suffix string }

func partitionOf(region string) partition {
	switch {
	case strings.HasPrefix(region, "us-gov-"):
		return partition{"aws-us-gov", "amazonaws.com"}
	case strings.HasPrefix(region, "cn-"):
		return partition{"aws-cn", "amazonaws.com.cn"}
	}
	return partition{"aws", "amazonaws.com"}
}

// regionGiven is enough for what a launch has left: it may go on where a new launch would be refused by now.
func (l *Launcher) regionGiven() error {
	if l.AWS.Region == "" {
		return errors.New("no AWS Region: give one with --region, AWS_REGION or the profile")
	}
	return nil
}

// regionHasAll refuses a Region in which a launch would fail half-way, since it lacks a resource type of the templates.
func (l *Launcher) regionHasAll() error {
	if err := l.regionGiven(); err != nil {
		return err
	}
	types, err := l.resourceTypes()
	if err != nil {
		return err
	}
	table, err := regions.Load()
	if err != nil {
		return err
	}
	missing := table.Missing(l.AWS.Region, types)
	if len(missing) == 0 {
		return nil
	}
	reason := "lacks " + strings.Join(missing, ", ")
	if !slices.Contains(table.Regions, l.AWS.Region) {
		reason = "is none of those whose resource types are known"
	}
	return fmt.Errorf("check the Region %s: it %s (%s); these have all that slipway.yaml asks for: %s",
		l.AWS.Region, reason, table.Source, strings.Join(table.Having(types), ", "))
}

// resourceTypes are those of the foundation and of every environment.
func (l *Launcher) resourceTypes() ([]string, error) {
	paths := []string{contract.FoundationTemplate}
	for _, env := range l.Config.Environments {
		found, err := fs.Glob(l.Templates, contract.EnvironmentTemplate(env.Name, "*"))
		if err != nil {
			return nil, fmt.Errorf("list the templates of environment %s: %w", env.Name, err)
		}
		paths = append(paths, found...)
	}
	var texts [][]byte
	for _, path := range paths {
		text, err := fs.ReadFile(l.Templates, path)
		if err != nil {
			return nil, fmt.Errorf("read the template %s/%s: %w; run `go run ./gen`", contract.TemplatesDir, path, err)
		}
		texts = append(texts, text)
	}
	return regions.Types(texts...), nil
}
