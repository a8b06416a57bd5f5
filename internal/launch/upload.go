package launch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"slipway/internal/config"
	"slipway/internal/contract"
	"slipway/internal/release"
)

// uploadTemplate puts a template under a key made of its content's hash and returns its URL. A key is never
// overwritten, so an unchanged template is an unchanged parameter, and a rollback still finds the old one.
func (l *Launcher) uploadTemplate(ctx context.Context, bucket, path string) (string, error) {
	text, err := fs.ReadFile(l.Templates, path)
	if err != nil {
		return "", fmt.Errorf("read the template %s/%s: %w; run `go run ./gen`", contract.TemplatesDir, path, err)
	}
	return l.uploadText(ctx, bucket, path, text)
}

// uploadText does so with the text of a template, which path names to a person.
func (l *Launcher) uploadText(ctx context.Context, bucket, path string, text []byte) (string, error) {
	key := contract.TemplateKey(hashOf(text))
	there, err := l.stored(ctx, bucket, key)
	if err == nil && there == nil {
		if err = l.put(ctx, bucket, key, bytes.NewReader(text)); err == nil {
			there, err = l.stored(ctx, bucket, key) // somebody may have been faster
		}
	}
	if err != nil {
		return "", fmt.Errorf("upload the template %s: %w", path, err)
	}
	if !bytes.Equal(there, text) {
		return "", fmt.Errorf("s3://%s/%s is not the template %s, though its name says so: it was put there by somebody else who may write there, as the pipeline's deployment; find out who, delete it and run the command again",
			bucket, key, path)
	}
	return fmt.Sprintf("https://s3.%s.%s/%s/%s", l.AWS.Region, l.partition.suffix, bucket, key), nil
}

// stored returns a template that is in the bucket, or nil where there is none under that key. It is read and not only looked for: the
// pipeline's deployment may write there too, and what runs there is code of any commit.
func (l *Launcher) stored(ctx context.Context, bucket, key string) ([]byte, error) {
	out, err := l.aws.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if is(err, notFound) {
		return nil, nil
	}
	if err != nil {
		return nil, Explain(err)
	}
	defer out.Body.Close()
	text, err := io.ReadAll(io.LimitReader(out.Body, maxTemplate+1)) // one that is longer differs all the same
	if err != nil {
		return nil, fmt.Errorf("read s3://%s/%s: %w", bucket, key, err)
	}
	return text, nil
}

// maxTemplate is how long a template in a bucket can be, in bytes
// (docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html).
const maxTemplate = 1 << 20

func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// putOnce uploads what is not there yet. Its key names its content, so what is there is the same.
func (l *Launcher) putOnce(ctx context.Context, bucket, key string, body io.ReadSeeker) error {
	there, err := l.metadata(ctx, bucket, key)
	if err != nil || there != nil {
		return err
	}
	return l.put(ctx, bucket, key, body)
}

// put uploads and overwrites nothing.
func (l *Launcher) put(ctx context.Context, bucket, key string, body io.ReadSeeker) error {
	_, err := l.aws.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Body: body, IfNoneMatch: aws.String("*")})
	if err != nil && !is(err, keyExists) {
		return Explain(err)
	}
	return nil
}

// metadata returns an object's metadata, or nil where there is no such object.
func (l *Launcher) metadata(ctx context.Context, bucket, key string) (map[string]string, error) {
	out, err := l.aws.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if is(err, notFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for s3://%s/%s: %w", bucket, key, Explain(err))
	}
	if out.Metadata == nil {
		return map[string]string{}, nil
	}
	return out.Metadata, nil
}

// metadataIdentity is the object metadata that tells which source a zip holds.
const metadataIdentity = "identity"

// uploadSource puts the working tree's zip under its identity.
func (l *Launcher) uploadSource(ctx context.Context, bucket string) error {
	zip, err := l.zip()
	if err != nil {
		return err
	}
	defer discard(zip)
	if err := l.putOnce(ctx, bucket, contract.SourceKey(l.Source.Identity()), zip); err != nil {
		return fmt.Errorf("upload the source: %w", err)
	}
	return nil
}

// feedPipelines writes what the pipelines of these routes watch, which starts them, unless it already holds this source. Pipelines
// on a git host take what is pushed there.
func (l *Launcher) feedPipelines(ctx context.Context, bucket string, routes []config.Route) error {
	if l.Config.Pipeline.Source.Connected() {
		return nil
	}
	for _, route := range routes {
		if _, _, err := l.handOver(ctx, bucket, route); err != nil {
			return err
		}
	}
	return nil
}

// feedNew is the same for pipelines that a root is about to get: a new one runs by itself and must find its source. What another
// branch's has been given already stays.
func (l *Launcher) feedNew(ctx context.Context, bucket string, root stack, targets []config.Environment) error {
	var routes []config.Route
	for _, route := range l.Config.Routes() {
		there := hasRun(root) && (route.Branch == "" || root.outputs[contract.OfBranch(contract.KeyPipelineName, route.Slug)] != "")
		if there || l.Config.Pipeline.Source.Connected() {
			continue
		}
		fed := false
		if !slices.ContainsFunc(targets, func(e config.Environment) bool { return route.Goes(e.Name) }) {
			var err error
			if fed, err = l.hasSource(ctx, bucket, route); err != nil {
				return err
			}
		}
		if !fed {
			routes = append(routes, route)
		}
	}
	return l.feedPipelines(ctx, bucket, routes)
}

// zip writes the source to a temporary file, since an upload must be able to begin again.
func (l *Launcher) zip() (*os.File, error) {
	file, err := os.CreateTemp("", "slipway-source-*.zip")
	if err != nil {
		return nil, fmt.Errorf("pack the source: %w", err)
	}
	if err := l.Source.WriteZip(file); err != nil {
		discard(file)
		return nil, fmt.Errorf("pack the source: %w", err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		discard(file)
		return nil, fmt.Errorf("pack the source: %w", err)
	}
	return file, nil
}

func discard(file *os.File) {
	_ = file.Close()
	_ = os.Remove(file.Name())
}

// TemplateSet is one hash over a templates folder: by path and content of each template.
func TemplateSet(templates fs.FS) (string, error) {
	files, err := templateFiles(templates)
	return release.Set{Files: files}.Hash(), err
}

// templateFiles are the templates of a folder, by their path in it, each with its content's hash.
func templateFiles(templates fs.FS) (map[string]string, error) {
	files := map[string]string{}
	err := fs.WalkDir(templates, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		text, err := fs.ReadFile(templates, path)
		files[path] = hashOf(text)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the templates: %w", err)
	}
	return files, nil
}
