package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"slipway/internal/deployer"
)

// policy prints one of the policies with the rights that a person needs, for the application of slipway.yaml. It asks
// nobody on AWS: of the account the policy says nothing, and of the Region what is set.
func (a *app) policy(ctx context.Context, w where, name string) error {
	if w.local {
		return usageError{errors.New("--policy is about AWS, and --local needs no rights: leave out one or the other")}
	}
	if !slices.Contains(deployer.AllNames, name) {
		return usageError{fmt.Errorf("--policy %q: there are %s", name, strings.Join(deployer.AllNames, ", "))}
	}
	_, cfg, err := project()
	if err != nil {
		return err
	}
	settings, err := loadConfig(ctx, w, noCode)
	if err != nil {
		return err
	}
	if settings.Region == "" {
		fmt.Fprintln(a.err, "no Region is set: the policy holds in all of them; --region names one")
	}
	text, err := json.MarshalIndent(deployer.Policies(cfg, deployer.In(settings.Region))[name], "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%s\n", text)
	return nil
}
