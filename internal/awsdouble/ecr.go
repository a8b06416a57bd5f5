package awsdouble

import (
	"slices"
	"strings"
	"time"
)

type image struct {
	digest string
	tags   []string
	pushed time.Time
}

func (d *Double) ecrHandlers() map[string]handler {
	return map[string]handler{
		"DescribeRepositories": d.describeRepositories, "DescribeImages": d.describeImages, "ListImages": d.listImages,
		"BatchDeleteImage": d.batchDeleteImage, "GetAuthorizationToken": d.getAuthorizationToken,
		"BatchGetImage": d.batchGetImage, "PutImage": d.putManifest,
	}
}

func (d *Double) repositoryURI(name string) string {
	return d.AccountID + ".dkr.ecr." + d.Region + ".amazonaws.com/" + name
}

func (d *Double) repositoryCreated(t *thing) error {
	t.images = &[]*image{}
	return nil
}

func (d *Double) repositoryRemoved(t *thing) error {
	if len(*t.images) > 0 && !flag(t.Properties, "EmptyOnDelete") {
		return fail("RepositoryNotEmpty", "The repository with name '%s' in registry with id '%s' cannot be deleted because it still contains images (Service: Ecr, Status Code: 400, Request ID: %s)", t.ID, d.AccountID, d.uuid())
	}
	return nil
}

// PutImage puts an image with this tag into a repository, as a push does, and returns its digest. An empty digest is
// made up. The tag of an image that is there already is left as it is: tags are immutable.
func (d *Double) PutImage(repository, tag, digest string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.putImage(repository, tag, digest)
}

func (d *Double) putImage(repository, tag, digest string) string {
	t := d.thing("AWS::ECR::Repository", repository)
	if t == nil {
		return ""
	}
	for _, i := range *t.images {
		if slices.Contains(i.tags, tag) {
			return i.digest
		}
	}
	if digest == "" {
		digest = "sha256:" + d.hex(64)
	}
	*t.images = append(*t.images, &image{digest, []string{tag}, d.now()})
	return digest
}

// ImageTags are the tags of an image in a repository.
func (d *Double) ImageTags(repository, digest string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.thing("AWS::ECR::Repository", repository)
	if t == nil {
		return nil
	}
	for _, i := range *t.images {
		if i.digest == digest {
			return slices.Clone(i.tags)
		}
	}
	return nil
}

// RemoveImage takes an image out of a repository, with all its tags.
func (d *Double) RemoveImage(repository, digest string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.thing("AWS::ECR::Repository", repository); t != nil {
		*t.images = slices.DeleteFunc(*t.images, func(i *image) bool { return i.digest == digest })
	}
}

func (d *Double) repository(in object) (*thing, error) {
	name := text(in, "repositoryName")
	if t := d.thing("AWS::ECR::Repository", name); t != nil {
		return t, nil
	}
	return nil, fail("RepositoryNotFoundException", "The repository with name '%s' does not exist in the registry with id '%s'", name, d.AccountID)
}

func (d *Double) describeRepositories(in object) (object, error) {
	found := d.existing("AWS::ECR::Repository")
	if names := texts(in, "repositoryNames"); len(names) > 0 {
		found = nil
		for _, name := range names {
			t, err := d.repository(object{"repositoryName": name})
			if err != nil {
				return nil, err
			}
			found = append(found, t)
		}
	}
	members := list{}
	for _, t := range found {
		members = append(members, object{
			"repositoryName": t.ID, "repositoryArn": t.Attributes["Arn"], "repositoryUri": t.Attributes["RepositoryUri"],
			"registryId": d.AccountID, "createdAt": t.Created, "imageTagMutability": opt(text(t.Properties, "ImageTagMutability")),
		})
	}
	return object{"repositories": members}, nil
}

// find looks an image up by digest or tag.
func (d *Double) find(t *thing, id object) (*image, error) {
	digest, tag := text(id, "imageDigest"), text(id, "imageTag")
	for _, i := range *t.images {
		if (digest == "" || i.digest == digest) && (tag == "" || slices.Contains(i.tags, tag)) {
			return i, nil
		}
	}
	return nil, fail("ImageNotFoundException", "The image with imageId {imageDigest:'%s', imageTag:'%s'} does not exist within the repository with name '%s' in the registry with id '%s'", orNull(digest), orNull(tag), t.ID, d.AccountID)
}

func orNull(s string) string {
	if s == "" {
		return "null"
	}
	return s
}

func (d *Double) describeImages(in object) (object, error) {
	t, err := d.repository(in)
	if err != nil {
		return nil, err
	}
	found := *t.images
	if ids := objects(in, "imageIds"); len(ids) > 0 {
		found = nil
		for _, id := range ids {
			i, err := d.find(t, id)
			if err != nil {
				return nil, err
			}
			found = append(found, i)
		}
	}
	found, next := page(d, found, text(in, "nextToken"), number(in, "maxResults"))
	members := list{}
	for _, i := range found {
		members = append(members, object{
			"imageDigest": i.digest, "imageTags": asList(i.tags), "imagePushedAt": i.pushed, "repositoryName": t.ID,
			"registryId": d.AccountID, "imageSizeInBytes": 5 << 20,
		})
	}
	return object{"imageDetails": members, "nextToken": opt(next)}, nil
}

func (d *Double) listImages(in object) (object, error) {
	t, err := d.repository(in)
	if err != nil {
		return nil, err
	}
	var ids []object
	for _, i := range *t.images {
		if len(i.tags) == 0 {
			ids = append(ids, object{"imageDigest": i.digest})
		}
		for _, tag := range i.tags {
			ids = append(ids, object{"imageDigest": i.digest, "imageTag": tag})
		}
	}
	ids, next := page(d, ids, text(in, "nextToken"), number(in, "maxResults"))
	return object{"imageIds": asList(ids), "nextToken": opt(next)}, nil
}

// manifest stands for an image's manifest: all that is asked of it is that it comes back unchanged.
func (i *image) manifest() string { return `{"schemaVersion":2,"digest":"` + i.digest + `"}` }

const manifestType = "application/vnd.oci.image.manifest.v1+json"

func (d *Double) batchGetImage(in object) (object, error) {
	t, err := d.repository(in)
	if err != nil {
		return nil, err
	}
	images, failures := list{}, list{}
	for _, id := range objects(in, "imageIds") {
		i, err := d.find(t, id)
		if err != nil {
			failures = append(failures, object{"imageId": id, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"})
			continue
		}
		images = append(images, object{"imageId": object{"imageDigest": i.digest}, "imageManifest": i.manifest(), "imageManifestMediaType": manifestType,
			"repositoryName": t.ID, "registryId": d.AccountID})
	}
	return object{"images": images, "failures": failures}, nil
}

// putManifest gives an image that is there another tag; layers are not kept here, so there can be no other image.
func (d *Double) putManifest(in object) (object, error) {
	t, err := d.repository(in)
	if err != nil {
		return nil, err
	}
	tag := text(in, "imageTag")
	for _, i := range *t.images {
		if slices.Contains(i.tags, tag) && i.manifest() == text(in, "imageManifest") {
			return nil, fail("ImageAlreadyExistsException", "Image with digest '%s' and tag '%s' already exists in the repository with name '%s' in registry with id '%s'", i.digest, tag, t.ID, d.AccountID)
		}
		if slices.Contains(i.tags, tag) {
			return nil, fail("ImageTagAlreadyExistsException", "The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the repository is immutable.", tag, t.ID)
		}
	}
	for _, i := range *t.images {
		if i.manifest() == text(in, "imageManifest") {
			i.tags = append(i.tags, tag)
			return object{"image": object{"imageId": object{"imageDigest": i.digest, "imageTag": tag}, "repositoryName": t.ID, "registryId": d.AccountID}}, nil
		}
	}
	return nil, fail("LayersNotFoundException", "Layers of the manifest were not found in the repository with name '%s'", t.ID)
}

func (d *Double) batchDeleteImage(in object) (object, error) {
	t, err := d.repository(in)
	if err != nil {
		return nil, err
	}
	deleted, failures := list{}, list{}
	for _, id := range objects(in, "imageIds") {
		i, err := d.find(t, id)
		if err != nil {
			failures = append(failures, object{"imageId": id, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"})
			continue
		}
		deleted = append(deleted, id)
		if tag := text(id, "imageTag"); tag != "" && len(i.tags) > 1 {
			i.tags = slices.DeleteFunc(i.tags, func(other string) bool { return other == tag })
			continue
		}
		*t.images = slices.DeleteFunc(*t.images, func(other *image) bool { return other == i })
	}
	return object{"imageIds": deleted, "failures": failures}, nil
}

func (d *Double) getAuthorizationToken(object) (object, error) {
	return object{"authorizationData": list{object{
		"authorizationToken": "QVdTOnBhc3N3b3Jk", "expiresAt": d.now().Add(12 * time.Hour),
		"proxyEndpoint": "https://" + strings.TrimSuffix(d.repositoryURI(""), "/"),
	}}}, nil
}
