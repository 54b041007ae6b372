package iac

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

var (
	composeName = regexp.MustCompile(`^(docker-)?compose([.-][A-Za-z0-9_.-]+)?\.ya?ml$`)
	kubeKeys    = regexp.MustCompile(`(?m)(^|[{,])\s*["']?apiVersion["']?\s*:`)
	kubeKind    = regexp.MustCompile(`(?m)(^|[{,])\s*["']?kind["']?\s*:`)
	planKey     = regexp.MustCompile(`"(planned_values|resource_changes)"\s*:`)
)

// KindOf gives the kind of a file, "" for one that is no infrastructure. Name
// and place decide where there is a convention; a Kubernetes manifest and a
// Terraform plan show themselves by what is in them.
func KindOf(path string, content []byte) Kind {
	name := strings.ToLower(base(path))
	yaml := strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
	switch {
	case isDockerfile(name):
		return Dockerfile
	case isHCL(path):
		return Terraform
	case yaml && strings.Contains("/"+path, "/.github/workflows/"):
		return Actions
	case name == "action.yml" || name == "action.yaml":
		return Actions
	case composeName.MatchString(name):
		return Compose
	case strings.HasSuffix(name, ".json") && planKey.Match(content) && bytes.Contains(content, []byte(`"format_version"`)):
		return Terraform
	case (yaml || strings.HasSuffix(name, ".json")) && !isTemplate(path, content) && kubeKeys.Match(content) && kubeKind.Match(content):
		return Kubernetes
	}
	return ""
}

// Wanted tells by its name alone whether a file may be of some kind, so that
// others need not be read.
func Wanted(path string) bool {
	name := strings.ToLower(base(path))
	return isDockerfile(name) || isHCL(path) || slices.ContainsFunc([]string{".yaml", ".yml", ".json"}, func(ext string) bool {
		return strings.HasSuffix(name, ext)
	})
}

func isDockerfile(name string) bool {
	if name == "dockerfile" || name == "containerfile" || strings.HasSuffix(name, ".dockerfile") || strings.HasSuffix(name, ".containerfile") {
		return true
	}
	for _, prefix := range []string{"dockerfile.", "containerfile."} {
		rest, ok := strings.CutPrefix(name, prefix)
		if ok && rest != "dockerignore" && !slices.Contains([]string{"md", "txt", "go", "py", "js", "tmpl", "j2", "in"}, rest) {
			return true
		}
	}
	return false
}

func isHCL(path string) bool {
	return strings.HasSuffix(path, ".tf") || strings.HasSuffix(path, ".tofu") || strings.HasSuffix(path, ".tfvars")
}

// isTemplate tells a chart's template from a manifest: it becomes YAML only
// when it is rendered.
func isTemplate(path string, content []byte) bool {
	return strings.Contains("/"+path, "/templates/") && bytes.Contains(content, []byte("{{"))
}
