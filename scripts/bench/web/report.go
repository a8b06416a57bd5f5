package main

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"slipway/internal/docs"
)

// tableOf is a Markdown table of medians and ranges.
func tableOf(servers []*server, rounds int, length time.Duration) string {
	var t strings.Builder
	fmt.Fprintf(&t, "%d rounds in turn, `wrk -t2 -c64 -d%.0fs`, `GET /time` over loopback; medians, in brackets the range.\n\n", rounds, length.Seconds())
	t.WriteString("| server | requests/s | the service's by these | CPU of the server, µs a request | these by the service's | p99, ms | memory, MiB | first 200, ms |\n")
	t.WriteString("| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, s := range servers {
		rate, cpu := func(s sample) float64 { return s.rate }, func(s sample) float64 { return s.cpu }
		fmt.Fprintf(&t, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", s.name,
			describe(figures(s, rate), 0), describe(ratios(servers[0], s, rate), 2),
			describe(figures(s, cpu), 1), describe(ratios(s, servers[0], cpu), 2),
			describe(figures(s, func(s sample) float64 { return s.p99 }), 1),
			describe(figures(s, func(s sample) float64 { return s.memory }), 1),
			describe(figures(s, func(s sample) float64 { return s.first }), 1))
	}
	return t.String()
}

func figures(s *server, figure func(sample) float64) []float64 {
	var values []float64
	for _, one := range s.samples {
		values = append(values, figure(one))
	}
	return values
}

// ratios are one server's figures by another's in the same round.
func ratios(one, other *server, figure func(sample) float64) []float64 {
	var values []float64
	for i := range one.samples {
		values = append(values, figure(one.samples[i])/figure(other.samples[i]))
	}
	return values
}

func describe(values []float64, digits int) string {
	least, middle, most := spread(values)
	return fmt.Sprintf("%.*f (%.*f–%.*f)", digits, middle, digits, least, digits, most)
}

func spread(values []float64) (least, middle, most float64) {
	values = slices.Sorted(slices.Values(values))
	return values[0], (values[(len(values)-1)/2] + values[len(values)/2]) / 2, values[len(values)-1]
}

// plot draws a bar for each server's median, with a line for the range.
func plot(servers []*server) string {
	const left, width, row = 210, 430, 34
	longest := 0.0
	for _, s := range servers {
		_, _, most := spread(figures(s, func(s sample) float64 { return s.rate }))
		longest = max(longest, most)
	}
	x := func(rate float64) float64 { return left + rate/longest*width }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 %d" font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="Requests a second of each server">`+"\n", row*len(servers)+40)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#fff"/>`+"\n"+`<text x="12" y="22" font-weight="bold" fill="#1f2937">Requests a second, GET /time</text>`+"\n")
	for i, s := range servers {
		y := 36 + i*row
		least, middle, most := spread(figures(s, func(s sample) float64 { return s.rate }))
		colour := "#94a3b8"
		if i == 0 {
			colour = "#2563eb"
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end" fill="#1f2937">%s</text>`+"\n", left-10, y+16, html.EscapeString(s.name))
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="22" fill="%s"/>`+"\n", left, y, x(middle)-left, colour)
		fmt.Fprintf(&b, `<path d="M%.1f %dH%.1f" stroke="#1f2937" stroke-width="2"/>`+"\n", x(least), y+11, x(most))
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" fill="#1f2937">%.0f</text>`+"\n", x(most)+8, y+16, middle)
	}
	return b.String() + "</svg>\n"
}

// writeDocs puts table and plot where a reader finds them.
func writeDocs(root, table, picture string) error {
	page := filepath.Join(root, "docs/performance.md")
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	written, err := docs.Replace(string(text), "service", "./scripts/bench/web.sh --docs", table)
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	if err := os.WriteFile(page, []byte(written), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "docs/performance-web.svg"), []byte(picture), 0o644)
}
