// Package suggest finds the word that was probably meant.
package suggest

import (
	"fmt"
	"strings"
)

// DidYouMean ends a sentence with the word that was probably meant, if one is near enough; else it is empty.
func DidYouMean[T ~string](found string, words []T) string {
	if near := Nearest(found, words); near != "" {
		return fmt.Sprintf("; did you mean %s?", near)
	}
	return ""
}

// Nearest is the word that was probably meant; empty where none is near enough.
func Nearest[T ~string](found string, words []T) string {
	best, least := "", len(found)/3+1
	for _, word := range words {
		if d := distance(plain(found), plain(string(word))); d <= least && (best == "" || d < least) {
			best, least = string(word), d
		}
	}
	return best
}

// plain makes health_path, health-path and HealthPath the same.
func plain(word string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(word))
}

// distance is the Levenshtein distance in bytes: how many insertions, deletions and replacements lie between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
