package main

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/cost"
)

// cost says what environments cost a month, all of them where none is named. It asks nobody on AWS.
func (a *app) cost(ctx context.Context, w where, environments []string) error {
	root, cfg, err := project()
	if err != nil {
		return err
	}
	if err := known(cfg, environments); err != nil {
		return err
	}
	if err := a.templatesFresh(ctx, root); err != nil {
		return err
	}
	settings, err := loadConfig(ctx, w, noCode)
	if err != nil {
		return err
	}
	if settings.Region == "" {
		fmt.Fprintf(a.err, "no Region is set: these are the prices of %s; --region names another\n", cost.DefaultRegion)
	}
	if len(environments) == 0 {
		environments = names(cfg)
	}
	report, err := cost.Read(os.DirFS(filepath.Join(root, contract.TemplatesDir)), environments, cmp.Or(settings.Region, cost.DefaultRegion))
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "What %s costs in %s\n\n", cfg.Name, report.Region)
	return report.Text(a.out)
}

// estimator words the cost of environments for the launcher. It always reads all of them: what an account has for
// nothing is shared by them.
func estimator(templates fs.FS, cfg config.Config, region string) func(...string) (string, error) {
	return func(environments ...string) (string, error) {
		report, err := cost.Read(templates, names(cfg), region)
		return report.Headline(environments...), err
	}
}

// names are those of the environments in slipway.yaml.
func names(cfg config.Config) []string {
	var list []string
	for _, e := range cfg.Environments {
		list = append(list, e.Name)
	}
	return list
}
