package cost

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Text writes the report for a person.
func (r Report) Text(w io.Writer) error {
	out := &printer{tabs: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	if _, tabled := rates()[0].prices[r.Region]; !tabled {
		out.line("There is no table of prices for %s: all of this is an estimate with those of %s.\n", r.Region, DefaultRegion)
	}
	for _, p := range r.parts {
		out.part(p)
	}
	out.line("by use, USD:")
	for _, rate := range rates() {
		if r.usage[rate.item] {
			out.line("  %s\t%s per %s%s", rate.item, unitPrice(r.prices[rate.item]), rate.unit, example(rate.item))
		}
	}
	for _, name := range r.unpriced {
		out.line("\nNot counted, since its price is not known here: %s", name)
	}
	out.line("\n~ marks an estimated price. Where each comes from: docs/cost.md. Taxes are not in it.")
	if out.err != nil {
		return out.err
	}
	return out.tabs.Flush()
}

// Headline is the cost of environments in a few words.
func (r Report) Headline(environments ...string) string {
	low, high := r.Total(environments...)
	text := fmt.Sprintf("about %.0f", low)
	if high >= low+0.5 {
		text += fmt.Sprintf(" to %.0f", high)
	}
	return text + " USD a month before traffic"
}

// printer keeps the first error of writing.
type printer struct {
	tabs *tabwriter.Writer
	err  error
}

func (p *printer) line(format string, args ...any) {
	if _, err := fmt.Fprintf(p.tabs, format+"\n", args...); p.err == nil {
		p.err = err
	}
}

func (p *printer) part(part part) {
	if len(part.lines) == 0 {
		p.line("%s: nothing by the month\n", part.name)
		return
	}
	p.line("%s, USD a month of %d hours:", part.name, hours)
	for _, l := range part.lines {
		p.line("  %s\t%s\t%s\t%s", l.resource, l.what, l.sum(), span(l.amount()))
	}
	p.line("  together\t\t\t%s\n", span(part.total()))
}

// sum is a line's arithmetic.
func (l line) sum() string {
	text := quantity(l.low)
	if l.high > l.low {
		text += " to " + quantity(l.high)
	}
	text += " x " + unitPrice(l.price)
	if l.free > 0 {
		text += fmt.Sprintf(", %s of them free in an account", quantity(l.free))
	}
	return text
}

// example puts a price by use in proportion, or tells what of it is free.
func example(it item) string {
	return map[item]string{
		loadBalancerLCU: "; one is 25 new connections a second or 1 GB an hour",
		natGB:           "; each way, images as well",
		outGB:           "; the first 100 GB a month of an account are free",
		logGB:           "; the first 5 GB a month of an account are free",
		actionMinute:    "; the first 100 a month of an account are free",
		buildMinute:     "; the first 100 a month of an account are free",
	}[it]
}

func unitPrice(p price) string {
	text := strconv.FormatFloat(math.Round(p.usd*1e6)/1e6, 'f', -1, 64)
	if p.estimated {
		return "~" + text
	}
	return text
}

// quantity has at most two decimals, and none that are zero.
func quantity(q float64) string {
	return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(q, 'f', 2, 64), "0"), ".")
}

// span words an amount, or its lowest and highest.
func span(low, high float64) string {
	text := fmt.Sprintf("%.2f", low)
	if high >= low+0.005 {
		text += fmt.Sprintf(" to %.2f", high)
	}
	return text
}
