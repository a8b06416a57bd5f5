// Package cost says what rendered templates cost a month, before anything is created: it reads the templates, not the
// configuration, so that nothing which a template makes can be forgotten. It calls nobody; the prices are its own table.
package cost

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"slipway/internal/contract"
)

// hours are those of a month, as AWS's own calculator counts them.
const hours = 730

// Report is what an application costs in a Region.
type Report struct {
	Region   string
	parts    []part // the environments in order, then the foundation
	usage    map[item]bool
	unpriced []string // types of which this package knows nothing
	prices   map[item]price
}

// part is one environment, or the foundation.
type part struct {
	name  string
	lines []line
}

// line is one thing that costs money by the hour or month, used or not.
type line struct {
	resource  string // its logical id
	what      string
	item      item
	low, high float64 // quantity a month; they differ where the number of tasks changes by itself
	free      float64 // of the quantity, by the account's allowance
	price     price
}

// Read makes the report from the templates of the named environments and the foundation.
func Read(templates fs.FS, environments []string, region string) (Report, error) {
	r := Report{Region: region, usage: map[item]bool{}, prices: pricesOf(region)}
	for _, name := range environments {
		files, err := fs.Glob(templates, contract.EnvironmentTemplate(name, "*"))
		if err != nil {
			return r, fmt.Errorf("find the templates of environment %s: %w", name, err)
		}
		if len(files) == 0 {
			return r, fmt.Errorf("find the templates of environment %s: %s has none; run `go run ./gen`", name, contract.TemplatesDir)
		}
		if err := r.add(templates, name, files); err != nil {
			return r, err
		}
	}
	if err := r.add(templates, contract.StackFoundation, []string{contract.FoundationTemplate}); err != nil {
		return r, err
	}
	r.grantAllowances()
	return r, nil
}

// pricesOf are a Region's, or the default Region's as estimates.
func pricesOf(region string) map[item]price {
	prices := map[item]price{}
	for _, r := range rates() {
		p, known := r.prices[region]
		if !known {
			p = estimate(r.prices[DefaultRegion].usd, "no table for "+region)
		}
		prices[r.item] = p
	}
	return prices
}

// add reads the templates of one part and notes what they cost.
func (r *Report) add(templates fs.FS, name string, files []string) error {
	p := part{name: name}
	for _, file := range files {
		t, err := readTemplate(templates, file)
		if err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(t)) {
			r.count(&p, t, id)
		}
	}
	r.parts = append(r.parts, p)
	return nil
}

// allowances are free in an account each month (aws.amazon.com/cloudwatch/pricing).
func allowances() map[item]float64 { return map[item]float64{alarmMonth: 10, dashboardMonth: 3} }

// grantAllowances takes off what an account has for nothing, as if the application were alone in it.
func (r *Report) grantAllowances() {
	left := allowances()
	for _, p := range r.parts {
		for i := range p.lines {
			l := &p.lines[i]
			l.free = min(left[l.item], l.low)
			left[l.item] -= l.free
		}
	}
}

// amount is what a line costs a month, at its lowest and highest.
func (l line) amount() (low, high float64) {
	return (l.low - l.free) * l.price.usd, (l.high - l.free) * l.price.usd
}

func (p part) total() (low, high float64) {
	for _, line := range p.lines {
		l, h := line.amount()
		low, high = low+l, high+h
	}
	return low, high
}

// Total is what environments cost together a month before traffic, at the lowest and highest number of tasks.
func (r Report) Total(environments ...string) (low, high float64) {
	for _, p := range r.parts {
		if slices.Contains(environments, p.name) {
			l, h := p.total()
			low, high = low+l, high+h
		}
	}
	return low, high
}
