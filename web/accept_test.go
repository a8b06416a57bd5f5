package main

import "testing"

func TestPrefer(t *testing.T) {
	text, page := "text/plain", "text/html"
	tests := map[string]struct {
		accept []string
		want   string
	}{
		"absent":                 {nil, text},
		"empty":                  {[]string{""}, text},
		"curl":                   {[]string{"*/*"}, text},
		"Chromium":               {[]string{"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}, page},
		"text alone":             {[]string{"text/plain"}, text},
		"any text":               {[]string{"text/*"}, text},
		"in capitals":            {[]string{"TEXT/HTML;Q=1"}, page},
		"two lines":              {[]string{"text/plain;q=0.1", "text/html;q=0.2"}, page},
		"with parameters":        {[]string{"text/html;level=1;q=0.4, text/plain;q=0.3"}, page},
		"specific beats general": {[]string{"text/plain;q=0.1, text/*;q=0.9"}, page},
		"excluded":               {[]string{"text/plain;q=0, */*"}, page},
		"nothing of it":          {[]string{"image/png, application/json"}, ""},
		"all excluded":           {[]string{"*/*;q=0"}, ""},
		"unreadable":             {[]string{"text, ;;, /"}, text},
		"weight of no number":    {[]string{"text/html;q=high, text/plain"}, text},
		"weight too high":        {[]string{"text/html;q=2"}, text},
		"weight that is NaN":     {[]string{"text/html;q=NaN"}, text},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := prefer(test.accept, []string{text, page}); got != test.want {
				t.Errorf("prefer(%q) = %q, want %q", test.accept, got, test.want)
			}
		})
	}
}
