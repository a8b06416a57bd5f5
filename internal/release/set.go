package release

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"slipway/internal/contract"
)

// Set is all templates of one state of the sources, with what their parameters are given from. A release names it, so that
// it can be gone back to, or promoted, without the source.
type Set struct {
	Files      map[string]string            `json:"files"`      // path below templates/ -> SHA-256 of its content
	Parameters map[string]map[string]string `json:"parameters"` // environment -> what slipway.yaml gives its root
	Slipway    string                       `json:"slipway"`    // the text of slipway.yaml
}

// Hash is one hash over the templates, by path and content.
func (s Set) Hash() string {
	sum := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(s.Files)) {
		fmt.Fprintf(sum, "%d %s %s\n", len(path), path, s.Files[path])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Encode writes it out, the same each time, and names it by its content.
func (s Set) Encode() (key string, text []byte, err error) {
	if text, err = json.MarshalIndent(s, "", "  "); err != nil {
		return "", nil, fmt.Errorf("write the list of templates: %w", err)
	}
	return contract.SetKey(hashOf(text)), text, nil
}

// DecodeSet reads what Encode wrote, and refuses what is not what its key says.
func DecodeSet(key string, text []byte) (Set, error) {
	var s Set
	if contract.SetKey(hashOf(text)) != key {
		return s, fmt.Errorf("%s is not what its name says: somebody else has written it", key)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("%s is no list of templates: %w", key, err)
	}
	return s, nil
}

func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
