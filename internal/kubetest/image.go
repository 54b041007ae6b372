package kubetest

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
	// Binary is the program's path, the image's entry point.
	Binary string `json:"binary"`
	// Name is what manifests call the program when they name it in `command`;
	// by default the last element of Binary.
	Name string `json:"name,omitempty"`
	// Args and Env are the image's defaults: a container's args replace Args,
	// its env is added to Env.
	Args []string `json:"args,omitempty"`
	Env  []string `json:"env,omitempty"`
	// Digest is made from all of the above when it is empty.
	Digest string `json:"digest,omitempty"`
}

// images is the file that nodes read when they pull an image.
type images struct {
	path string

	mu    sync.Mutex
	known map[string]Image
}

// Add puts an image where the cluster's nodes find it, by its reference
// (REPOSITORY:TAG) and by its digest, and gives the second: what pins exactly
// this image, REPOSITORY@sha256:....
func (c *Cluster) Add(reference string, image Image) (pinned string, err error) {
	if image.Digest == "" {
		if image.Digest, err = image.digest(); err != nil {
			return "", fmt.Errorf("add image %s: %w", reference, err)
		}
	}
	repository := reference
	if colon := strings.LastIndex(reference, ":"); colon > strings.LastIndex(reference, "/") {
		repository = reference[:colon]
	}
	pinned = repository + "@" + image.Digest
	i := &c.images
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.known == nil {
		i.known = map[string]Image{}
	}
	i.known[reference], i.known[pinned] = image, image
	content, err := json.MarshalIndent(i.known, "", "  ")
	if err != nil {
		return "", err
	}
	// Nodes read at any moment: they find the old file or the new one.
	if err := os.WriteFile(i.path+".new", content, 0o600); err != nil {
		return "", err
	}
	return pinned, os.Rename(i.path+".new", i.path)
}

// digest tells images apart that differ in anything.
func (i Image) digest() (string, error) {
	hash := sha256.New()
	if err := json.NewEncoder(hash).Encode(i); err != nil {
		return "", err
	}
	file, err := os.Open(i.Binary)
	if err != nil {
		return "", err
	}
	defer file.Close()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}

// Podinfo is the image of the example service podinfo in version "1.0.0" or
// "2.0.0". Further environment makes releases that are bad in their own way,
// such as PODINFO_RANDOM_ERROR=true (a third of the answers fails),
// PODINFO_RANDOM_DELAY=true (up to 5 s), PODINFO_UNREADY=true (it never gets
// ready) and PODINFO_UNHEALTHY=true (it is killed again and again).
func (c *Cluster) Podinfo(version string, env ...string) Image {
	binary := filepath.Join(c.bin, "podinfo-"+version)
	return Image{Binary: binary, Name: "podinfo", Env: env}
}
