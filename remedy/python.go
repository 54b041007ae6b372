package remedy

import (
	"bytes"
	"regexp"
	"strings"
)

// requirement is a line of requirements.txt that names one version: the name
// with its extras, the operator, the version, and what follows.
var requirement = regexp.MustCompile(`^(\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(===|==|~=|>=)\s*)([0-9A-Za-z.!+_-]+)(\s*(?:;[^\\]*|#.*)?)$`)

// named is the beginning of a line that is about a package.
var named = regexp.MustCompile(`^\s*([A-Za-z0-9][A-Za-z0-9._-]*)`)

// editRequirements changes the version of a package on every line that names it.
func editRequirements(content []byte, c Change) ([]byte, error) {
	var out bytes.Buffer
	changed := 0
	for line := range bytes.Lines(content) {
		text := strings.TrimRight(string(line), "\r\n")
		end := string(line)[len(text):]
		name := named.FindStringSubmatch(text)
		if name == nil || distName(name[1]) != distName(c.Name) {
			out.Write(line)
			continue
		}
		m := requirement.FindStringSubmatch(text)
		if m == nil || strings.Contains(text, "--hash") {
			return nil, incomplete("%q does not name one version, or has more lines", strings.TrimSpace(text))
		}
		out.WriteString(m[1] + c.To + m[5] + end)
		changed++
	}
	if changed == 0 {
		return nil, incomplete("it is not named there")
	}
	return out.Bytes(), nil
}

// distName writes a name as the index does.
func distName(name string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == '.' }), "-")
}
