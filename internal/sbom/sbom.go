// Package sbom reads what an image is made of: the modules of its Go binaries, and the packages that its Linux
// distribution, pip and npm have installed. Other languages, and what was copied in without a package manager, it does
// not see.
package sbom

import (
	"archive/tar"
	"bytes"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// Image is what was found in an image of one platform.
type Image struct {
	Platform string // linux/amd64
	Digest   string // "sha256:..."
	Packages []Package
	Binaries []Binary // written in Go
	// Blind is what says that there are packages whose list cannot be read, such as the database of rpm.
	Blind []string
}

// Package is one that is installed, or built into a binary.
type Package struct {
	Kind    string // as package URLs name it: golang, apk, deb, pypi, npm
	Name    string // of a Go module its path, "stdlib" for Go's own library
	Version string
	In      string // the file that says so, from the image's root
}

// Binary is an executable with Go's build information.
type Binary struct {
	Path    string
	Content []byte
}

// maxFile is how much of one file is read, in bytes.
const maxFile = 1 << 30

// lists are the files by which package managers remember what they have installed.
var lists = []struct {
	path  *regexp.Regexp
	parse func(text []byte) []Package
}{
	{regexp.MustCompile(`^lib/apk/db/installed$`), parseAPK},
	{regexp.MustCompile(`^var/lib/dpkg/(status|status\.d/[^/]+)$`), parseDpkg},
	{regexp.MustCompile(`\.(dist-info/METADATA|egg-info/PKG-INFO)$`), parsePython},
	{regexp.MustCompile(`(^|/)node_modules/(@[^/]+/)?[^/]+/package\.json$`), parseNode},
}

// unreadable are databases of package managers that are not read here.
var unreadable = regexp.MustCompile(`^(usr/lib/sysimage|var/lib)/rpm/(rpmdb\.sqlite|Packages(\.db)?)$`)

// Read looks through all files of an image.
func Read(image v1.Image, platform string) (Image, error) {
	digest, err := image.Digest()
	if err != nil {
		return Image{}, fmt.Errorf("the image's digest: %w", err)
	}
	found := Image{Platform: platform, Digest: digest.String()}
	content := mutate.Extract(image)
	defer content.Close()
	for files := tar.NewReader(content); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Image{}, fmt.Errorf("read the image %s: %w", digest, err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if err := found.add(strings.TrimPrefix(path.Clean("/"+header.Name), "/"), header, files); err != nil {
			return Image{}, fmt.Errorf("read %s in the image %s: %w", header.Name, digest, err)
		}
	}
	slices.SortFunc(found.Packages, func(a, b Package) int { return strings.Compare(a.key(), b.key()) })
	found.Packages = slices.CompactFunc(found.Packages, func(a, b Package) bool { return a.key() == b.key() })
	return found, nil
}

func (i *Image) add(name string, header *tar.Header, content io.Reader) error {
	if unreadable.MatchString(name) {
		i.Blind = append(i.Blind, name)
		return nil
	}
	for _, list := range lists {
		if list.path.MatchString(name) {
			text, err := io.ReadAll(io.LimitReader(content, maxFile))
			if err != nil {
				return err
			}
			for _, p := range list.parse(text) {
				p.In = name
				i.Packages = append(i.Packages, p)
			}
			return nil
		}
	}
	if header.Mode&0o111 == 0 {
		return nil
	}
	return i.addBinary(name, content)
}

// addBinary keeps a Go binary and the modules that it says it was built of.
func (i *Image) addBinary(name string, content io.Reader) error {
	magic := make([]byte, 4)
	if n, err := io.ReadFull(content, magic); err != nil || string(magic[:n]) != "\x7fELF" {
		return nil // a script, or hardly anything
	}
	rest, err := io.ReadAll(io.LimitReader(content, maxFile))
	if err != nil {
		return err
	}
	binary := append(magic, rest...)
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		return nil // not written in Go
	}
	i.Binaries = append(i.Binaries, Binary{name, binary})
	version, _, _ := strings.Cut(strings.TrimPrefix(info.GoVersion, "go"), " ") // "go1.26.1 X:experiment"
	i.Packages = append(i.Packages, Package{"golang", "stdlib", version, name})
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		i.Packages = append(i.Packages, Package{"golang", module.Path, module.Version, name})
	}
	return nil
}

func (p Package) key() string { return p.Kind + "\x00" + p.Name + "\x00" + p.Version + "\x00" + p.In }

// url is the package as github.com/package-url/purl-spec writes it.
func (p Package) url() string {
	version := strings.NewReplacer("+", "%2B", ":", "%3A").Replace(p.Version)
	if version != "" {
		version = "@" + version
	}
	return "pkg:" + p.Kind + "/" + strings.ReplaceAll(p.Name, "@", "%40") + version
}

// About names an image in its bill of materials.
type About struct {
	Name    string // of the application
	Digest  string // as it is deployed: of an index where there are several platforms
	Version string // the source's identity
	Commit  string // may be empty
}

// Write is the bill of materials of an image, in CycloneDX 1.6 as JSON (cyclonedx.org/docs/1.6/json). The same image has
// the same one: it bears no time and no random number.
func Write(w io.Writer, about About, images []Image) error {
	bom := cyclonedx.NewBOM()
	_, hash, _ := strings.Cut(about.Digest, ":")
	bom.Metadata = &cyclonedx.Metadata{Component: &cyclonedx.Component{
		BOMRef: about.Digest, Type: cyclonedx.ComponentTypeContainer, Name: about.Name, Version: about.Digest,
		Hashes:     &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hash}},
		Properties: &[]cyclonedx.Property{{Name: "slipway:source", Value: about.Version}, {Name: "slipway:commit", Value: about.Commit}},
	}}
	components := []cyclonedx.Component{}
	compositions := []cyclonedx.Composition{}
	for _, image := range images {
		for _, p := range image.Packages {
			components = append(components, cyclonedx.Component{
				BOMRef: image.Platform + " " + p.In + " " + p.url(), Type: cyclonedx.ComponentTypeLibrary, Name: p.Name, Version: p.Version, PackageURL: p.url(),
				Properties: &[]cyclonedx.Property{{Name: "slipway:platform", Value: image.Platform}, {Name: "slipway:file", Value: p.In}},
			})
		}
		if len(image.Blind) > 0 {
			compositions = append(compositions, cyclonedx.Composition{Aggregate: cyclonedx.CompositionAggregateIncomplete, Assemblies: &[]cyclonedx.BOMReference{cyclonedx.BOMReference(about.Digest)}})
		}
	}
	bom.Components, bom.Compositions = &components, &compositions
	encoder := cyclonedx.NewBOMEncoder(w, cyclonedx.BOMFileFormatJSON)
	encoder.SetPretty(true)
	return encoder.Encode(bom)
}
