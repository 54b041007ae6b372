package node

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Image is what an image name stands for: a program of this machine.
type Image struct {
	// Binary is the path of the program, the image's entry point.
	Binary string `json:"binary"`
	// Name is what manifests call the program when they name it in `command`;
	// by default the last element of Binary.
	Name string `json:"name,omitempty"`
	// Args and Env are the image's defaults. Args are replaced by a
	// container's args, Env is put before a container's.
	Args []string `json:"args,omitempty"`
	Env  []string `json:"env,omitempty"`
	// Digest is the image's, `sha256:...`; by default the binary's.
	Digest string `json:"digest,omitempty"`
}

// Images is a registry of images that is a JSON file: an object whose keys are
// image references. A key is a whole reference (`shop:v2`,
// `shop@sha256:...`) or a repository alone, which stands for all its tags and
// digests. The file is read again for each pull, so images can be added while
// pods run.
type Images struct {
	path string

	mu      sync.Mutex
	digests map[string]string // binary -> digest
}

// NewImages gives the images of the file at path, which need not exist yet.
func NewImages(path string) *Images {
	return &Images{path: path, digests: map[string]string{}}
}

// Pull finds the image of a reference. What is not found says so in the words
// of a container runtime.
func (i *Images) Pull(reference string) (Image, error) {
	content, err := os.ReadFile(i.path)
	if err != nil && !os.IsNotExist(err) {
		return Image{}, err
	}
	known := map[string]Image{}
	if err == nil {
		if err := json.Unmarshal(content, &known); err != nil {
			return Image{}, fmt.Errorf("read %s: %w", i.path, err)
		}
	}
	image, ok := find(known, reference)
	if !ok {
		return Image{}, fmt.Errorf("failed to pull and unpack image %q: failed to resolve reference %q: %[2]s: not found", reference, reference)
	}
	if image.Name == "" {
		image.Name = filepath.Base(image.Binary)
	}
	if image.Digest == "" {
		image.Digest, err = i.digest(image.Binary)
	}
	if err != nil {
		return Image{}, fmt.Errorf("failed to pull and unpack image %q: %w", reference, err)
	}
	return image, nil
}

// find looks for the reference as it is, without its tag where it has a digest
// too, and for its repository.
func find(known map[string]Image, reference string) (Image, bool) {
	repository, digest, pinned := strings.Cut(reference, "@")
	if colon := strings.LastIndex(repository, ":"); colon > strings.LastIndex(repository, "/") {
		repository = repository[:colon]
	}
	keys := []string{reference}
	if pinned {
		keys = append(keys, repository+"@"+digest)
	}
	for _, key := range append(keys, repository) {
		image, ok := known[key]
		if !ok {
			continue
		}
		if pinned && (image.Digest == "" || key != repository) {
			image.Digest = digest
		}
		// A repository whose digest is known holds no other.
		return image, !pinned || image.Digest == digest
	}
	return Image{}, false
}

func (i *Images) digest(binary string) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if known, ok := i.digests[binary]; ok {
		return known, nil
	}
	file, err := os.Open(binary)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	i.digests[binary] = "sha256:" + hex.EncodeToString(hash.Sum(nil))
	return i.digests[binary], nil
}
