package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Dockerfile is what the application's image is built from, at the repository's root.
const Dockerfile = "Dockerfile"

// CheckDockerfile reads the Dockerfile at path and refuses ECS Exec where the image is built FROM scratch: it has no shell
// that could be opened. Any other base may lack one too (distroless ones do), which only the image itself knows. That
// there is no Dockerfile is said by whoever builds the image.
func (c Config) CheckDockerfile(path string) error {
	if !c.Service.Exec {
		return nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what the image is built from: %w", err)
	}
	if base, line := lastBase(string(text)); base == "scratch" {
		return fmt.Errorf("%s: service.exec is true, but the image is built FROM scratch (%s:%d), where there is no shell to open; "+
			"build the last stage from an image that has one, or leave exec out", File, path, line)
	}
	return nil
}

// lastBase is the image from which the last stage of a Dockerfile is built, through stages with names, and the line of
// the stage.
func lastBase(text string) (base string, line int) {
	stages := map[string]string{}
	number := 0
	for one := range strings.Lines(text) {
		number++
		words := strings.Fields(one)
		if len(words) == 0 || !strings.EqualFold(words[0], "FROM") {
			continue
		}
		words = words[1:]
		for len(words) > 0 && strings.HasPrefix(words[0], "--") { // --platform=...
			words = words[1:]
		}
		if len(words) == 0 {
			continue
		}
		base, line = words[0], number
		if earlier, named := stages[strings.ToLower(base)]; named {
			base = earlier
		}
		if len(words) == 3 && strings.EqualFold(words[1], "AS") {
			stages[strings.ToLower(words[2])] = base
		}
	}
	return base, line
}
