package cost

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/config"
)

var update = flag.Bool("update", false, "write docs/cost.md")

const page = "../../docs/cost.md"

// docs/cost.md is made from the table; go test ./internal/cost -update writes it.
func TestPage(t *testing.T) {
	want := pageText(t)
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("docs/cost.md is not what the prices say; run go test ./internal/cost -update (-want +got)\n%s", diff)
	}
}

func pageText(t *testing.T) string {
	var b strings.Builder
	b.WriteString(`<!-- Made from internal/cost by ` + "`go test ./internal/cost -update`" + `; edits here are lost. -->
# What it costs

` + "```sh\n./scripts/deploy.sh --cost\n```" + `

reads the committed templates and prints what each environment costs a month: every resource with quantity, price and amount, and what is
paid by use with its unit price. It needs no credentials and calls nobody. ` + "`--region` or `AWS_REGION`" + ` chooses the prices, ` + "`--environment`" + `
the environment. The first launch and each change of an environment tell the sum in one line.

A month has 730 hours. Where the number of tasks follows the load the sum has a lowest and a highest. Taxes, discounts and the free tier of
new accounts are not in it; the ten alarms and three dashboards that CloudWatch gives every account are, as if the application were alone
there. Your own secrets, hosted zone, key and certificates are not in it either, nor the cents for what the bucket stores.

`)
	b.WriteString(configurationTable(t))
	b.WriteString(`
## The prices

USD, November 2026. **None of them was read from AWS's price list by this project**: each was read on 2026-11-23 in a source below, most of
which quote the list by its usage type and give a date. ` + "`~`" + ` marks a price that was not found and how it was derived. Every other
Region is counted with the prices of us-east-1 and marked as an estimate throughout. The column *price list* is the service code and the
usage type (there with the Region's prefix) under which AWS publishes the number:
` + "`https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/SERVICE/current/REGION/index.json`" + `.

| what | per | us-east-1 | us-west-2 | eu-west-1 | eu-central-1 | ap-northeast-1 | price list |
| --- | --- | --- | --- | --- | --- | --- | --- |
`)
	numbers := notes{}
	for _, r := range rates() {
		fmt.Fprintf(&b, "| %s | %s |", r.item, r.unit)
		for _, region := range tabled() {
			p := r.prices[region]
			fmt.Fprintf(&b, " %s [%d](#sources) |", unitPrice(p), numbers.of(p))
		}
		fmt.Fprintf(&b, " `%s` |\n", r.list)
	}
	fmt.Fprintf(&b, `
Fargate Spot is counted as %.0f %% of the price on demand, an estimate: AWS says "up to 70 %% off" and moves it with demand; two Regions found
quoted beside their price on demand were at 34 %% (sa-east-1) and 36 %% (ap-northeast-2, 2026-02-23). How many tasks run on Spot follows from
the service's capacity provider strategy. Container Insights is counted as %d metrics, and with enhanced observability %d more a task, by the
metrics that [AWS lists](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/appinsights-metrics-ecs.html).

## Sources

`, spotShare*100, insightsMetrics, insightsTaskMetrics)
	for i, note := range numbers.list {
		fmt.Fprintf(&b, "%d. %s\n", i+1, note)
	}
	return b.String()
}

// configurationTable compares configurations as the golden totals have them.
func configurationTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("Two tasks of 0.25 vCPU and 0.5 GB in two zones, one environment, USD a month before traffic:\n\n|")
	for _, head := range append([]string{"configuration"}, tabled()...) {
		b.WriteString(" " + head + " |")
	}
	b.WriteString("\n| ---" + strings.Repeat(" | ---", len(tabled())) + " |\n")
	for _, c := range configurations() {
		fmt.Fprintf(&b, "| %s |", c.name)
		for _, region := range tabled() {
			low, _ := report(t, application(c.change), region).Total("prod")
			fmt.Fprintf(&b, " %.2f |", low)
		}
		b.WriteString("\n")
	}
	return b.String()
}

type configuration struct {
	name   string
	change func(*config.Config)
}

// configurations are those that the page compares.
func configurations() []configuration {
	return []configuration{
		{"as generated first: x86, public tasks", nil},
		{"`architecture: arm64`", func(c *config.Config) { c.Service.Architecture = config.ARM64 }},
		{"`nat: one`, private tasks", func(c *config.Config) { c.Environments[0].Network.NAT = config.NATOne }},
		{"`nat: per-zone`, private tasks", func(c *config.Config) { c.Environments[0].Network.NAT = config.NATPerZone }},
		{"`endpoints: true`, private tasks without internet", endpoints},
		{"`waf: true`, beside the rest", firewall},
	}
}

// notes numbers sources in the order in which they come up.
type notes struct{ list []string }

func (n *notes) of(p price) int {
	text := p.source
	if p.estimated {
		text = "estimate: " + text
	}
	if p.date != "" {
		text += ", " + p.date
	}
	for i, known := range n.list {
		if known == text {
			return i + 1
		}
	}
	n.list = append(n.list, text)
	return len(n.list)
}

// README's numbers are those of its configuration.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load("../../slipway.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Read(os.DirFS("../../templates"), []string{cfg.Environments[0].Name}, virginia)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range append(readmeRows(r.parts[0]), changedRows(t)...) {
		if !strings.Contains(string(text), row) {
			t.Errorf("README.md has no line\n%s", row)
		}
	}
}

// readmeRows sum up the lines of a part by what they are for.
func readmeRows(p part) []string {
	sums := map[string]float64{}
	for _, l := range p.lines {
		amount, _ := l.amount()
		switch {
		case l.resource == "LoadBalancer":
			sums["load balancer with its two public addresses"] += amount
		case l.item == addressHour:
			sums["the tasks' two public addresses"] += amount
		case l.resource == "Service":
			sums["two tasks of 0.25 vCPU and 0.5 GB"] += amount
		}
	}
	total, _ := p.total()
	sums["**together, before traffic**"] = total
	var rows []string
	for name, sum := range sums {
		row := fmt.Sprintf("| %s | %.1f |", name, sum)
		if strings.HasPrefix(name, "**") {
			row = fmt.Sprintf("| %s | **%.1f** |", name, sum)
		}
		rows = append(rows, row)
	}
	return rows
}

func changedRows(t *testing.T) []string {
	var rows []string
	for _, row := range []struct {
		text string
		configuration
	}{
		{"with ARM tasks (`architecture: arm64`)", configurations()[1]},
		{"with one NAT gateway and private tasks (`nat: one`)", configurations()[2]},
		{"with a NAT gateway in each of two zones (`nat: per-zone`)", configurations()[3]},
	} {
		low, _ := report(t, application(row.change), virginia).Total("prod")
		rows = append(rows, fmt.Sprintf("| %s | %.1f |", row.text, low))
	}
	return rows
}
