// Package purl tells packages apart: a package URL, or the words of a scanner,
// become the key under which databases of vulnerabilities know a package.
package purl

import (
	"cmp"
	"strings"

	packageurl "github.com/package-url/packageurl-go"

	"fairlead.dev"
)

// Key names a package as the database and the reverse index do: the ecosystem
// in OSV's word, with a release where it has some, and the normalised name.
type Key struct {
	Ecosystem string `json:"ecosystem"`
	Name      string `json:"name"`
}

// String gives "Go/golang.org/x/net".
func (k Key) String() string { return k.Ecosystem + "/" + k.Name }

// ecosystems are OSV's words for the types of a purl that need no more than the name.
func ecosystems() map[string]string {
	return map[string]string{
		packageurl.TypeGolang: "Go", packageurl.TypeNPM: "npm", packageurl.TypePyPi: "PyPI", packageurl.TypeCargo: "crates.io",
		packageurl.TypeGem: "RubyGems", packageurl.TypeNuget: "NuGet", packageurl.TypeComposer: "Packagist",
		packageurl.TypeMaven: "Maven", packageurl.TypePub: "Pub", packageurl.TypeHex: "Hex", packageurl.TypeHackage: "Hackage",
		packageurl.TypeCran: "CRAN", packageurl.TypeConan: "ConanCenter", packageurl.TypeSwift: "SwiftURL",
		packageurl.TypeBitnami: "Bitnami", packageurl.TypeJulia: "Julia",
	}
}

// KeyOf gives the key and version of the package that a purl names. What the
// database could never know gives a reason instead.
func KeyOf(purl string) (k Key, version, reason string) {
	p, err := packageurl.FromString(purl)
	if err != nil {
		return k, "", "its purl is malformed"
	}
	name := p.Name
	if p.Namespace != "" {
		name = p.Namespace + separator(p.Type) + p.Name
	}
	version = p.Version
	if e, ok := ecosystems()[p.Type]; ok {
		k = Key{e, Normal(e, name)}
	} else if k, version, reason = distribution(p); reason != "" {
		return k, "", reason
	}
	if version == "" {
		return k, "", "its version is not known"
	}
	return k, versionIn(k.Ecosystem, version), ""
}

func separator(typ string) string {
	if typ == packageurl.TypeMaven {
		return ":"
	}
	return "/"
}

// versionIn gives a version as the ecosystem's records write it.
func versionIn(ecosystem, version string) string {
	if ecosystem == "Go" {
		version = strings.TrimPrefix(strings.TrimPrefix(version, "go"), "v")
	}
	return version
}

// Normal gives a name in the form in which names of the ecosystem are equal.
// Names of Go modules are compared in lower case, because purls are.
func Normal(ecosystem, name string) string {
	base, _, _ := strings.Cut(ecosystem, ":")
	switch base {
	case "PyPI": // PEP 503
		name = strings.ToLower(name)
		return strings.Join(strings.FieldsFunc(name, func(c rune) bool { return c == '-' || c == '_' || c == '.' }), "-")
	case "Go", "NuGet", "Packagist", "Pub", "Hex", "SwiftURL":
		return strings.ToLower(name)
	}
	return name
}

// distribution gives the key of a package of an operating system, and the version
// to compare. Records of those count for one release, and for source packages: the
// version of the source is not always that of what was built from it.
func distribution(p packageurl.PackageURL) (k Key, version, reason string) {
	q := p.Qualifiers.Map()
	name, version := p.Name, p.Version
	for _, source := range []string{"upstream", "source", "origin"} {
		if s, v, _ := strings.Cut(q[source], "@"); s != "" {
			name, version = s, cmp.Or(v, q["sourceversion"], version)
			break
		}
	}
	if p.Type == packageurl.TypeRPM && q["epoch"] != "" && version != "" && !strings.Contains(version, ":") {
		version = q["epoch"] + ":" + version
	}
	release := strings.TrimPrefix(q["distro"], p.Namespace+"-")
	switch vendor := strings.ToLower(p.Namespace); {
	case p.Type == packageurl.TypeDebian && vendor == "debian":
		k, reason = released("Debian", debianRelease(release), name)
	case p.Type == packageurl.TypeDebian && vendor == "ubuntu":
		k, reason = released("Ubuntu", ubuntuRelease(release), name)
	case p.Type == packageurl.TypeApk && vendor == "alpine":
		k, reason = released("Alpine", alpineRelease(release), name)
	case p.Type == packageurl.TypeApk && (vendor == "wolfi" || vendor == "chainguard"):
		k = Key{map[string]string{"wolfi": "Wolfi", "chainguard": "Chainguard"}[vendor], name}
	case p.Type == packageurl.TypeRPM && (vendor == "rocky" || vendor == "rocky-linux"):
		k, reason = released("Rocky Linux", major(release), name)
	case p.Type == packageurl.TypeRPM && vendor == "almalinux":
		k, reason = released("AlmaLinux", major(release), name)
	default:
		reason = "no database knows packages of type " + p.Type + strings.TrimSuffix(" of "+vendor, " of ")
	}
	return k, version, reason
}

// released is the key of a package of one release of a distribution.
func released(ecosystem, release, name string) (Key, string) {
	if release == "" || !strings.ContainsAny(release, "0123456789") { // a name that is not known here
		return Key{}, "the purl does not tell the number of a release of " + ecosystem
	}
	return Key{ecosystem + ":" + release, name}, ""
}

func major(release string) string {
	m, _, _ := strings.Cut(release, ".")
	return m
}

func debianRelease(r string) string {
	names := map[string]string{"stretch": "9", "buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13", "forky": "14", "duke": "15"}
	if n, ok := names[r]; ok {
		return n
	}
	return major(r)
}

// ubuntuRelease gives the release with the mark that the records of long-term
// releases bear: those of April in even years.
func ubuntuRelease(r string) string {
	names := map[string]string{
		"trusty": "14.04", "xenial": "16.04", "bionic": "18.04", "focal": "20.04", "jammy": "22.04", "noble": "24.04",
		"mantic": "23.10", "oracular": "24.10", "plucky": "25.04", "questing": "25.10", "resolute": "26.04",
	}
	if n, ok := names[r]; ok {
		r = n
	}
	if year, month, _ := strings.Cut(r, "."); month == "04" && len(year) == 2 && (year[1]-'0')%2 == 0 {
		return r + ":LTS"
	}
	return r
}

// alpineRelease gives "v3.20" of "3.20.1".
func alpineRelease(r string) string {
	parts := strings.SplitN(strings.TrimPrefix(r, "v"), ".", 3)
	if len(parts) < 2 {
		return ""
	}
	return "v" + parts[0] + "." + parts[1]
}

// Component makes the noun of a purl, for callers that have nothing else.
func Component(purl string) fairlead.Component {
	c := fairlead.Component{PURL: purl}
	if p, err := packageurl.FromString(purl); err == nil {
		c.Name, c.Version = p.Name, p.Version
		if p.Namespace != "" {
			c.Name = p.Namespace + separator(p.Type) + p.Name
		}
	}
	return c
}

// Of makes the purl of a package that is named by its ecosystem, in OSV's word;
// "" where that has no purl that could be told from it.
func Of(ecosystem, name, version string) string {
	for typ, e := range ecosystems() {
		if e != ecosystem {
			continue
		}
		namespace := ""
		if i := strings.LastIndex(name, separator(typ)); i > 0 && typ != packageurl.TypePyPi {
			namespace, name = name[:i], name[i+1:]
		}
		if typ == packageurl.TypeGolang && version != "" && version[0] >= '0' && version[0] <= '9' {
			version = "v" + version
		}
		p := packageurl.NewPackageURL(typ, namespace, name, version, nil, "")
		if p.Normalize() != nil {
			return ""
		}
		return p.ToString()
	}
	return ""
}

// OfImage makes the purl of a container image that is named by its reference,
// "registry.example/shop:1.2", and known by the digest of its manifest; "" when
// one of them is missing.
func OfImage(reference, digest string) string {
	repository, _, _ := strings.Cut(reference, "@")
	tag := ""
	if i := strings.LastIndexByte(repository, ':'); i > strings.LastIndexByte(repository, '/') {
		repository, tag = repository[:i], repository[i+1:]
	}
	name := strings.ToLower(repository[strings.LastIndexByte(repository, '/')+1:])
	if name == "" || digest == "" {
		return ""
	}
	q := map[string]string{"repository_url": repository, "tag": tag}
	p := packageurl.NewPackageURL(packageurl.TypeOCI, "", name, digest, packageurl.QualifiersFromMap(q), "")
	if p.Normalize() != nil {
		return ""
	}
	return p.ToString()
}

// WithoutVersion is the purl up to its version: "pkg:golang/x/y@v1?a=b" is "pkg:golang/x/y".
func WithoutVersion(purl string) string {
	purl, _, _ = strings.Cut(purl, "#")
	purl, _, _ = strings.Cut(purl, "?")
	if i := strings.LastIndexByte(purl, '@'); i > strings.LastIndexByte(purl, '/') {
		purl = purl[:i]
	}
	return purl
}

// Covers tells whether what is stated of one purl holds for another: it names the
// same package, and neither a version nor a qualifier nor a path that the other
// has not. What is no purl holds for itself only.
func Covers(stated, is string) bool {
	a, err := packageurl.FromString(stated)
	if err != nil {
		return stated != "" && stated == is
	}
	b, err := packageurl.FromString(is)
	if err != nil || a.Type != b.Type || sameName(a) != sameName(b) {
		return false
	}
	have := b.Qualifiers.Map()
	for key, value := range a.Qualifiers.Map() {
		if have[key] != value {
			return false
		}
	}
	return (a.Version == "" || strings.TrimPrefix(a.Version, "v") == strings.TrimPrefix(b.Version, "v")) &&
		(a.Subpath == "" || a.Subpath == b.Subpath)
}

// sameName is equal for purls of one type that name the same package.
func sameName(p packageurl.PackageURL) string {
	name := p.Namespace + "/" + p.Name
	if e, ok := ecosystems()[p.Type]; ok {
		return Normal(e, name)
	}
	return strings.ToLower(name)
}
