package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"slipway/internal/awserr"
	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/image"
	"slipway/internal/sbom"
	"slipway/internal/scan"
	"slipway/internal/source"
	"slipway/internal/vuln"
)

// inspection is what an image goes through between being pushed and being named.
type inspection struct {
	*app
	cfg        config.Config
	settings   aws.Config
	repository string // as images name it
	tree       source.Tree
	image      *image.Image
	bill       string // the file of its bill of materials below StageDir
}

// run pushes the image, which has no name yet, wants no known vulnerability in it, and keeps its bill of materials.
func (i inspection) run(ctx context.Context) error {
	if err := i.image.Push(ctx); err != nil {
		return err
	}
	var parts []sbom.Image
	for _, part := range i.image.Parts {
		found, err := sbom.Read(part.Image, part.Platform)
		if err != nil {
			return err
		}
		parts = append(parts, found)
	}
	if err := errors.Join(i.checkBinaries(ctx, parts), i.checkScan(ctx)); err != nil {
		return err
	}
	return i.keepBill(ctx, parts)
}

// checkBinaries asks govulncheck about every Go binary in the image. Without a database that is said; a build on AWS fails.
func (i inspection) checkBinaries(ctx context.Context, parts []sbom.Image) error {
	security := i.cfg.Security
	var found []vuln.Finding
	for _, part := range parts {
		if len(part.Binaries) == 0 {
			fmt.Fprintf(i.err, "%s: no Go binary to ask govulncheck about\n", part.Platform)
			continue
		}
		database, err := vuln.Open(ctx, i.getenv, security.Database)
		if errors.Is(err, vuln.ErrUnreachable) && !vuln.Required(i.getenv, security.Offline) {
			fmt.Fprintf(i.err, "Go binaries are not checked: %v\n", err)
			return nil
		}
		if err != nil {
			return err
		}
		for _, binary := range part.Binaries {
			list, err := vulnerable(ctx, database, binary)
			if err != nil {
				return err
			}
			fmt.Fprintf(i.err, "%s: /%s: %d vulnerabilities in the database %s as of %s\n",
				part.Platform, binary.Path, len(list), database.URL, database.Modified.Format("2006-01-02"))
			found = append(found, list...)
		}
	}
	return vuln.Judge(i.err, found, security.Accepted())
}

// vulnerable puts a binary where govulncheck can read it.
func vulnerable(ctx context.Context, database vuln.Database, binary sbom.Binary) ([]vuln.Finding, error) {
	dir, err := os.MkdirTemp("", "slipway-image-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, filepath.Base(binary.Path))
	if err := os.WriteFile(file, binary.Content, 0o600); err != nil {
		return nil, err
	}
	return vuln.Binary(ctx, database, file)
}

// checkScan asks for the registry's own scan, which is of each platform's image: an index is not scanned.
func (i inspection) checkScan(ctx context.Context) error {
	_, name, _ := strings.Cut(i.repository, "/")
	registry := ecr.NewFromConfig(i.settings)
	for _, part := range i.image.Parts {
		result, err := scan.Wait(ctx, registry, name, part.Digest, scan.Default)
		if err != nil {
			return err
		}
		if err := scan.Judge(i.err, result, i.cfg.Security.Severity, i.cfg.Security.Accepted()); err != nil {
			return fmt.Errorf("%s: %w", part.Platform, err)
		}
	}
	return nil
}

// keepBill writes the bill of materials to what the stage leaves and, in a build, beside the releases. One that is there is
// of the same image, and is the same.
func (i inspection) keepBill(ctx context.Context, parts []sbom.Image) error {
	var bill bytes.Buffer
	about := sbom.About{Name: i.cfg.Name, Digest: i.image.Digest, Version: i.tree.Identity(), Commit: i.tree.Commit}
	if err := sbom.Write(&bill, about, parts); err != nil {
		return fmt.Errorf("write the image's bill of materials: %w", err)
	}
	packages := 0
	for _, part := range parts {
		packages += len(part.Packages)
		for _, file := range part.Blind {
			fmt.Fprintf(i.err, "%s: the bill of materials lacks what is listed in /%s\n", part.Platform, file)
		}
	}
	bucket := i.getenv(contract.VarBucket)
	if bucket == "" {
		fmt.Fprintf(i.err, "bill of materials: %d packages, in %s/%s alone, since %s is not set\n", packages, contract.StageDir, i.bill, contract.VarBucket)
		return leave(i.tree.Root, i.bill, bill.Bytes())
	}
	key := contract.BillKey(i.image.Digest)
	client := s3.NewFromConfig(i.settings, func(o *s3.Options) { o.UsePathStyle = onEngine(i.settings) })
	_, err := client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: aws.String(key), Body: bytes.NewReader(bill.Bytes()), ContentType: aws.String("application/vnd.cyclonedx+json"), IfNoneMatch: aws.String("*"),
	})
	if awserr.Is(err, "PreconditionFailed") {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("keep the image's bill of materials as s3://%s/%s: %w", bucket, key, err)
	}
	fmt.Fprintf(i.err, "bill of materials: %d packages, s3://%s/%s\n", packages, bucket, key)
	return leave(i.tree.Root, i.bill, bill.Bytes())
}
