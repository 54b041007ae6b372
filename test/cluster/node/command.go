package node

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/api/v1/resource"
	"k8s.io/kubernetes/pkg/fieldpath"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"
	"k8s.io/utils/ptr"
)

// searchPath is every image's, and where programs are found that an image does
// not name: the machine's file system stands for the image's.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// command gives what the container runs: its own command and args, or the
// image's, with its environment.
func (c *container) command(ctx context.Context, image Image) (command, error) {
	env, err := c.environment(ctx)
	if err != nil {
		return command{}, err
	}
	expand := expansion.MappingFuncFor(env)
	args := []string{image.Name}
	if len(c.spec.Command) > 0 {
		args = expandAll(c.spec.Command, expand)
	}
	switch {
	case len(c.spec.Args) > 0:
		args = append(args, expandAll(c.spec.Args, expand)...)
	case len(c.spec.Command) == 0:
		args = append(args, image.Args...)
	}
	made := command{path: program(args[0], image), args: args}
	made.env = append(made.env, "PATH="+searchPath, "HOSTNAME="+c.pod.current().Name)
	made.env = append(made.env, image.Env...)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		made.env = append(made.env, name+"="+env[name])
	}
	return made, nil
}

// program finds what a command's first word names: the image's binary, or one
// of the machine.
func program(word string, image Image) string {
	if filepath.Base(word) == image.Name {
		return image.Binary
	}
	if path, err := exec.LookPath(word); err == nil {
		return path
	}
	return word
}

func expandAll(words []string, mapping func(string) string) []string {
	var expanded []string
	for _, word := range words {
		expanded = append(expanded, expansion.Expand(word, mapping))
	}
	return expanded
}

// environment gives the container's variables.
func (c *container) environment(ctx context.Context) (map[string]string, error) {
	env := map[string]string{}
	for _, source := range c.spec.EnvFrom {
		values, err := c.pod.all(ctx, source)
		if err != nil {
			return nil, err
		}
		for name, value := range values {
			env[source.Prefix+name] = value
		}
	}
	for _, variable := range c.spec.Env {
		if variable.ValueFrom == nil {
			env[variable.Name] = expansion.Expand(variable.Value, expansion.MappingFuncFor(env))
			continue
		}
		value, found, err := c.value(ctx, variable.ValueFrom)
		if err != nil {
			return nil, err
		}
		if found {
			env[variable.Name] = value
		}
	}
	return env, nil
}

// all gives what envFrom takes from a config map or a secret.
func (p *pod) all(ctx context.Context, source v1.EnvFromSource) (map[string]string, error) {
	switch {
	case source.ConfigMapRef != nil:
		values, err := p.configMap(ctx, source.ConfigMapRef.Name)
		return optional(values, err, source.ConfigMapRef.Optional)
	case source.SecretRef != nil:
		values, err := p.secret(ctx, source.SecretRef.Name)
		return optional(values, err, source.SecretRef.Optional)
	}
	return nil, nil
}

func (c *container) value(ctx context.Context, source *v1.EnvVarSource) (value string, found bool, err error) {
	switch {
	case source.FieldRef != nil:
		value, err = c.pod.field(source.FieldRef.FieldPath)
		return value, true, err
	case source.ResourceFieldRef != nil:
		value, err = resource.ExtractContainerResourceValue(source.ResourceFieldRef, c.spec)
		return value, true, err
	case source.ConfigMapKeyRef != nil:
		ref := source.ConfigMapKeyRef
		values, err := c.pod.configMap(ctx, ref.Name)
		values, err = optional(values, err, ref.Optional)
		return pick(values, err, ref.Key, ref.Optional, "ConfigMap", c.pod.current().Namespace+"/"+ref.Name)
	case source.SecretKeyRef != nil:
		ref := source.SecretKeyRef
		values, err := c.pod.secret(ctx, ref.Name)
		values, err = optional(values, err, ref.Optional)
		return pick(values, err, ref.Key, ref.Optional, "Secret", c.pod.current().Namespace+"/"+ref.Name)
	}
	return "", false, nil
}

func pick(values map[string]string, err error, key string, isOptional *bool, kind, name string) (string, bool, error) {
	if err != nil {
		return "", false, err
	}
	value, found := values[key]
	if !found && !ptr.Deref(isOptional, false) {
		return "", false, fmt.Errorf("couldn't find key %s in %s %s", key, kind, name)
	}
	return value, found, nil
}

// optional forgives that something is missing which may be.
func optional(values map[string]string, err error, isOptional *bool) (map[string]string, error) {
	if apierrors.IsNotFound(err) && ptr.Deref(isOptional, false) {
		return nil, nil
	}
	return values, err
}

func (p *pod) configMap(ctx context.Context, name string) (map[string]string, error) {
	found, err := p.agent.Client.CoreV1().ConfigMaps(p.current().Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return found.Data, nil
}

func (p *pod) secret(ctx context.Context, name string) (map[string]string, error) {
	found, err := p.agent.Client.CoreV1().Secrets(p.current().Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for key, value := range found.Data {
		values[key] = string(value)
	}
	return values, nil
}

// field gives a field of the pod that the downward API offers.
func (p *pod) field(path string) (string, error) {
	object := p.current()
	switch path {
	case "spec.nodeName":
		return object.Spec.NodeName, nil
	case "spec.serviceAccountName":
		return object.Spec.ServiceAccountName, nil
	case "status.hostIP", "status.hostIPs":
		return p.agent.Address.String(), nil
	case "status.podIP", "status.podIPs":
		return p.address(), nil
	}
	return fieldpath.ExtractFieldPathAsString(object, path)
}

func repository(reference string) string {
	name, _, _ := strings.Cut(reference, "@")
	if colon := strings.LastIndex(name, ":"); colon > strings.LastIndex(name, "/") {
		name = name[:colon]
	}
	return name
}
