// Command gosec is the static analysis of securego/gosec, all its rules, without what its own command links beside them
// to have findings mended by language models: that alone takes minutes to compile.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/securego/gosec/v2"
	"github.com/securego/gosec/v2/analyzers"
	"github.com/securego/gosec/v2/issue"
	"github.com/securego/gosec/v2/rules"
)

func main() {
	exclude := flag.String("exclude-rules", "", "rules to leave out in files, as REGEXP:RULE,RULE;...")
	flag.Parse()
	found, err := run(*exclude, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "gosec:", err)
		os.Exit(2)
	}
	for _, line := range found {
		fmt.Println(line)
	}
	if len(found) > 0 {
		os.Exit(1)
	}
}

// run returns a line for each finding of at least medium severity and confidence in the folders, tests left aside.
func run(exclude string, folders []string) ([]string, error) {
	paths, err := gosec.ParseCLIExcludeRules(exclude)
	if err != nil {
		return nil, err
	}
	filter, err := gosec.NewPathExclusionFilter(paths)
	if err != nil {
		return nil, err
	}
	analyzer := gosec.NewAnalyzer(gosec.NewConfig(), false, false, false, runtime.NumCPU(), log.New(io.Discard, "", 0))
	analyzer.LoadRules(rules.Generate(false).RulesInfo())
	analyzer.LoadAnalyzers(analyzers.Generate(false).AnalyzersInfo())
	if err := analyzer.Process(nil, folders...); err != nil {
		return nil, err
	}
	issues, counted, faults := analyzer.Report()
	for file, list := range faults {
		return nil, fmt.Errorf("%s: %v", file, list[0].Err)
	}
	if counted.NumFiles == 0 {
		return nil, fmt.Errorf("no Go file in %s", strings.Join(folders, " "))
	}
	issues, _ = filter.FilterIssues(issues)
	var lines []string
	for _, i := range issues {
		if i.Severity == issue.Low || i.Confidence == issue.Low {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s:%s: %s %s (severity %s, confidence %s)", i.File, i.Line, i.RuleID, i.What, i.Severity, i.Confidence))
	}
	slices.Sort(lines)
	return lines, nil
}
