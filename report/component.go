package report

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"fairlead.dev"
	"fairlead.dev/purl"
)

// vulnerable is a vulnerability of a component as a tool knows it.
type vulnerable struct {
	ids       []string // names of the vulnerability, the tool's first
	ecosystem string   // in OSV's word, where there is no purl
	summary   string
	root      string // directory of what names the component, where it is not that of the finding's place
}

// vulnerable takes in a vulnerability of f.Component. Its identity is the one
// that our own look-up gives it: package, vulnerability and folder.
func (c *collector) vulnerable(f fairlead.Finding, v vulnerable) {
	f.Category = fairlead.CategorySCA
	f.Vulnerability.ID, f.Vulnerability.Aliases = aliases(v.ids)
	if f.Component.PURL == "" && v.ecosystem != "" && f.Component.Name != "" {
		f.Component.PURL = purl.Of(v.ecosystem, f.Component.Name, f.Component.Version)
	}
	f.Component.PURL = clean(f.Component.PURL, 2*maxWord)
	f.Component.Name = clean(cmp.Or(purl.Component(f.Component.PURL).Name, f.Component.Name), maxWord)
	f.Component.Version = clean(cmp.Or(f.Component.Version, purl.Component(f.Component.PURL).Version), maxWord)
	if f.Reachability == "" {
		f.Reachability = fairlead.ReachableUnknown
	}
	f.Rule = cmp.Or(f.Rule, f.Vulnerability.ID)
	f.Message = fmt.Sprintf("%s %s: %s", f.Component.Name, f.Component.Version, cmp.Or(clean(v.summary, maxText), f.Vulnerability.Canonical()))
	if f.Fix == "" {
		f.Fix = "no version fixes it: replace the component, or record with a reason why it does not matter here"
		if len(f.FixedIn) > 0 {
			f.Fix = f.FixedIn[0] + " fixes this; other versions of " + f.Component.Name + " may have other vulnerabilities"
		}
	}
	root := v.root
	if root == "" && f.Location.Path != "" {
		root = path.Dir(f.Location.Path)
	}
	key, _, _ := purl.KeyOf(f.Component.PURL)
	if key.Name == "" {
		key = purl.Key{Ecosystem: v.ecosystem, Name: cmp.Or(purl.WithoutVersion(f.Component.PURL), f.Component.Name)}
	}
	c.add(f, key.Ecosystem, key.Name, f.Vulnerability.Canonical(), root)
}

// aliases gives the first name of a vulnerability and the others, sorted.
func aliases(ids []string) (id string, others []string) {
	for _, s := range ids {
		s = clean(s, maxWord)
		switch {
		case s == "" || s == id || len(others) >= maxFurther || slices.Contains(others, s):
		case id == "":
			id = s
		default:
			others = append(others, s)
		}
	}
	slices.Sort(others)
	return id, others
}

// versions reads a list of versions with commas between, smallest first.
func versions(lists ...string) []string {
	var out []string
	for _, list := range lists {
		for s := range strings.SplitSeq(list, ",") {
			if s = clean(s, 100); s != "" && !slices.Contains(out, s) && len(out) < maxFurther {
				out = append(out, s)
			}
		}
	}
	slices.SortStableFunc(out, compareVersions)
	return out
}

// compareVersions orders versions as people do: numbers by value, and a
// pre-release before its release. It serves the order of a list only.
func compareVersions(a, b string) int {
	as, bs := elements(a), elements(b)
	for i := range min(len(as), len(bs)) {
		x, errX := strconv.ParseUint(as[i], 10, 64)
		y, errY := strconv.ParseUint(bs[i], 10, 64)
		c := cmp.Compare(as[i], bs[i])
		switch {
		case errX == nil && errY == nil:
			c = cmp.Compare(x, y)
		case errX == nil:
			c = 1
		case errY == nil:
			c = -1
		}
		if c != 0 {
			return c
		}
	}
	longer, sign := as, 1
	if len(bs) > len(as) {
		longer, sign = bs, -1
	}
	if n := min(len(as), len(bs)); len(longer) > n {
		if _, err := strconv.ParseUint(longer[n], 10, 64); err != nil {
			return -sign // 1.0-rc is before 1.0
		}
		return sign
	}
	return 0
}

// elements are the numbers and words of a version.
func elements(v string) []string {
	return strings.FieldsFunc(strings.TrimPrefix(v, "v"), func(r rune) bool { return strings.ContainsRune(".-+_:~", r) })
}
