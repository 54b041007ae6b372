// Package remedy says how a component is brought to another version: the
// command that does it, and the change to the manifest that names it.
package remedy

import (
	"fmt"
	"strings"
)

// Command gives the command that brings a package to a version, "" where none
// is known. The ecosystem is OSV's word; direct tells that the project names
// the package itself.
func Command(ecosystem, name, version string, direct bool) string {
	if !plain(name) || !plain(version) {
		return "" // nobody pastes this into a shell
	}
	base, _, _ := strings.Cut(ecosystem, ":")
	switch base {
	case "Go":
		if name == "stdlib" || name == "toolchain" {
			return "go get go@" + version
		}
		return fmt.Sprintf("go get %s@%s && go mod tidy", name, goVersion(version))
	case "npm":
		if direct {
			return fmt.Sprintf("npm install %s@%s", name, version)
		}
		if strings.Contains(name, ".") { // which would be a path of keys
			return fmt.Sprintf("npm pkg set 'overrides[%s]=%s' && npm install", name, version)
		}
		return fmt.Sprintf("npm pkg set overrides.%s='%s' && npm install", name, version)
	case "PyPI":
		return fmt.Sprintf("pip install '%s==%s'", name, version)
	case "crates.io":
		return fmt.Sprintf("cargo update --package %s --precise %s", name, version)
	case "RubyGems":
		return fmt.Sprintf("bundle add %s --version '>= %s'", name, version)
	case "Packagist":
		return fmt.Sprintf("composer require %s:^%s --update-with-dependencies", name, version)
	case "NuGet":
		return fmt.Sprintf("dotnet add package %s --version %s", name, version)
	case "Pub":
		return fmt.Sprintf("dart pub add '%s:>=%s'", name, version)
	case "Debian", "Ubuntu":
		return "apt-get install --only-upgrade " + name
	case "Alpine", "Wolfi", "Chainguard":
		return fmt.Sprintf("apk add --upgrade '%s>=%s'", name, version)
	case "AlmaLinux", "Rocky Linux":
		return "dnf upgrade " + name
	}
	return ""
}

// Quote gives a word as a shell reads it.
func Quote(word string) string {
	if plain(word) && !strings.HasPrefix(word, "~") {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// plain tells whether a word is safe to be read by a shell.
func plain(word string) bool {
	return word != "" && !strings.HasPrefix(word, "-") && !strings.ContainsFunc(word, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("@/._-+:~!", c))
	})
}

func goVersion(v string) string {
	if strings.HasPrefix(v, "v") {
		return v
	}
	return "v" + v
}
