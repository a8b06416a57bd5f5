package main

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// span is the value of a flag that says how far back to begin: above zero, in Go's units or in days.
type span time.Duration

func (s *span) Set(text string) error {
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || d <= 0 {
		return errors.New("it must be a time span above zero, such as 90s, 10m, 24h or 7d")
	}
	*s = span(d)
	return nil
}

func (s *span) String() string {
	if *s == 0 {
		return "" // no default that a help text would show
	}
	return time.Duration(*s).String()
}

func (s *span) Type() string { return "time span" }

// start is the moment to begin with, zero where the flag was not given.
func (s *span) start() time.Time {
	if *s == 0 {
		return time.Time{}
	}
	return time.Now().Add(-time.Duration(*s))
}
