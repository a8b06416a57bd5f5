package sbom

import (
	"encoding/json"
	"strings"
)

// parseAPK reads Alpine's database: stanzas of lines such as "P:musl" (wiki.alpinelinux.org/wiki/Apk_spec).
func parseAPK(text []byte) []Package {
	var found []Package
	for stanza := range strings.SplitSeq(string(text), "\n\n") {
		fields := map[string]string{}
		for line := range strings.Lines(stanza) {
			if key, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && len(key) == 1 {
				fields[key] = value
			}
		}
		if fields["P"] != "" {
			found = append(found, Package{Kind: "apk", Name: "alpine/" + fields["P"], Version: fields["V"]})
		}
	}
	return found
}

// parseDpkg reads Debian's database, or a file of it as distroless images have them (manpages.debian.org/dpkg-query).
func parseDpkg(text []byte) []Package {
	var found []Package
	for stanza := range strings.SplitSeq(string(text), "\n\n") {
		fields := headers(stanza)
		// Of what was removed, the settings may still be there.
		if status := fields["Status"]; fields["Package"] != "" && (status == "" || strings.HasSuffix(status, " installed")) {
			found = append(found, Package{Kind: "deb", Name: "debian/" + fields["Package"], Version: fields["Version"]})
		}
	}
	return found
}

// parsePython reads one distribution's metadata (packaging.python.org/en/latest/specifications/core-metadata).
func parsePython(text []byte) []Package {
	head, _, _ := strings.Cut(string(text), "\n\n")
	fields := headers(head)
	if fields["Name"] == "" {
		return nil
	}
	return []Package{{Kind: "pypi", Name: strings.ReplaceAll(strings.ToLower(fields["Name"]), "_", "-"), Version: fields["Version"]}}
}

// parseNode reads one package's own description; what is not one is passed over.
func parseNode(text []byte) []Package {
	var described struct{ Name, Version string }
	if err := json.Unmarshal(text, &described); err != nil || described.Name == "" || described.Version == "" {
		return nil
	}
	return []Package{{Kind: "npm", Name: described.Name, Version: described.Version}}
}

// headers reads lines such as "Name: value"; those that go on another's value are passed over.
func headers(text string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(line, " ") {
			if _, again := fields[key]; !again {
				fields[key] = strings.TrimSpace(value)
			}
		}
	}
	return fields
}
