package licence

import (
	"slices"
	"strings"

	"fairlead.dev/format/spdx"
)

// Class is what kinds of duties a licence brings, as a rough word for policies.
// It is no legal advice: it says what most people mean by the word.
type Class string

// The classes, from the lightest.
const (
	Permissive      Class = "permissive"       // keep the notice, at most
	WeakCopyleft    Class = "weak-copyleft"    // changes of the component itself are shared
	StrongCopyleft  Class = "strong-copyleft"  // the whole program is shared
	NetworkCopyleft Class = "network-copyleft" // shared with whoever uses it over a network, too
	Restricted      Class = "restricted"       // some use is forbidden, as commercial use
	Other           Class = "other"            // named, and in none of these classes
	Unknown         Class = "unknown"          // nobody says what the licence is
)

// Classes lists the classes, from the lightest.
func Classes() []Class {
	return []Class{Permissive, WeakCopyleft, StrongCopyleft, NetworkCopyleft, Restricted, Other, Unknown}
}

// family is the licences of a class whose identifiers begin with a word.
type family struct {
	class    Class
	prefixes string // lower case, between blanks; the first family that fits counts
}

// families sorts SPDX's list. A prefix ends where a version, a hyphen or the
// identifier ends.
var families = [...]family{
	{Restricted, "cc-by-nc cc-by-nc-nd cc-by-nc-sa cc-by-nd polyform prosperity busl elastic aladdin hippocratic commonsclause json" +
		" anti996 ncgl-uk adsl cc-by-nc-sa-3.0-us licenseref-commonsclause rpsl fair-source bitstream-charter-restricted sspl-nc"},
	{NetworkCopyleft, "agpl sspl eupl osl nposl rpl cpal apsl cal parity simpl-network sisslnet"},
	{StrongCopyleft, "gpl cecill sleepycat qpl cern-ohl-s copyleft-next oclc d-fsl gfdl lal liliq-rplus tapr-ohl bsd-protection"},
	{WeakCopyleft, "lgpl lgpllr mpl epl cddl cpl ipl ms-rl cc-by-sa odbl cern-ohl-w cdla-sharing cecill-c spl npl sissl nokia" +
		" artistic-1.0 liliq-r lppl erlpl sugarcrm ypl zimbra motosoto ngpl rscpl frameworx nosl catosl interbase gsoap cua-opl apl" +
		" watcom vsl mulan-weak bittorrent lpl ofl arphic"},
	{Permissive, "mit mit-0 mit-cmu mit-modern-variant mit-wu mitnfa x11 bsd 0bsd apache isc unlicense cc0 cc-by cc-pddc zlib zlib-acknowledgement" +
		" libpng bsl blueoak python psf cnri-python postgresql ncsa w3c afl artistic-2.0 ecl upl mulanpsl ms-pl wtfpl ruby vim php zend" +
		" openssl ssleay boost curl icu ijg ftl tcl hpnd ntp unicode unicode-dfs unicode-3.0 naist zpl xnet intel libtiff imagemagick info-zip" +
		" bzip2 beerware efl fsfap fsful fsfullr fsfullrwd json-c lil ibm-pibs libtool nist-pd pddl odc-by cdla-permissive blessing" +
		" cern-ohl-p xfree86 sgi-b smlnj spencer tcp-wrappers tu-berlin tmate ogl-uk oldap plexus glwtpl sendmail gd"},
}

// linking are exceptions with which a program that only uses the component need
// not be shared.
const linking = " classpath-exception-2.0 gcc-exception-2.0 gcc-exception-3.1 llvm-exception font-exception-2.0 autoconf-exception-2.0" +
	" autoconf-exception-3.0 bison-exception-2.2 libtool-exception openjdk-assembly-exception-1.0 linux-syscall-note ocaml-lgpl-linking-exception" +
	" wxwindows-exception-3.1 qt-gpl-exception-1.0 ecos-exception-2.0 fltk-exception bootloader-exception universal-foss-exception-1.0" +
	" swift-exception linking-exception lgpl-3.0-linking-exception gnat-exception gnu-javamail-exception ps-or-pdf-font-exception-20170817 "

// ClassOf tells the class of one licence, with its exception: "GPL-2.0-only
// WITH Classpath-exception-2.0" is weak-copyleft.
func ClassOf(license string) Class {
	id, exception, with := strings.Cut(strings.ToLower(license), " with ")
	if id == "" {
		return Unknown
	}
	for _, f := range families {
		if !f.holds(id) {
			continue
		}
		if f.class == StrongCopyleft && with && strings.Contains(linking, " "+exception+" ") {
			return WeakCopyleft
		}
		return f.class
	}
	return Other
}

// holds tells whether the identifier belongs to the family: a longer prefix of
// another family goes before a shorter one of this.
func (f family) holds(id string) bool {
	n := f.longest(id)
	if n == 0 {
		return false
	}
	return !slices.ContainsFunc(families[:], func(o family) bool { return o.class != f.class && o.longest(id) > n })
}

// longest is the length of the longest prefix of the family that begins the identifier.
func (f family) longest(id string) int {
	n := 0
	for prefix := range strings.FieldsSeq(f.prefixes) {
		if rest, ok := strings.CutPrefix(id, prefix); ok && (rest == "" || rest[0] == '-' || rest[0] == '+') {
			n = max(n, len(prefix))
		}
	}
	return n
}

// plain makes the names that the list has given up into those that stand for
// them now: "GPL-2.0" is "GPL-2.0-only", "GPL-2.0+" is "GPL-2.0-or-later".
func plain(license string) string {
	id, exception, with := strings.Cut(license, " WITH ")
	if with {
		exception = " WITH " + exception
	}
	if !strings.Contains(id, "GPL-") && !strings.HasPrefix(id, "GFDL-") {
		return license
	}
	if base, ok := strings.CutSuffix(id, "+"); ok && spdx.Identifier(base+"-or-later") != "" {
		id = base + "-or-later"
	} else if only := spdx.Identifier(id + "-only"); only != "" {
		id = only
	}
	return id + exception
}
