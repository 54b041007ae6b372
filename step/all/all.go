// Package all lists the step types. Adding one is a folder and one line here.
package all

import (
	"fairlead.dev/step"
	buildcommand "fairlead.dev/step/build/command"
	checkhttp "fairlead.dev/step/check/http"
	sbomsource "fairlead.dev/step/sbom/source"
	scandast "fairlead.dev/step/scan/dast"
	scanexternal "fairlead.dev/step/scan/external"
	scaniac "fairlead.dev/step/scan/iac"
	scanimage "fairlead.dev/step/scan/image"
	scanlicences "fairlead.dev/step/scan/licences"
	scansast "fairlead.dev/step/scan/sast"
	scansca "fairlead.dev/step/scan/sca"
	scansecrets "fairlead.dev/step/scan/secrets"
	testcommand "fairlead.dev/step/test/command"
)

// Types gives every step type, by name.
func Types() []step.Type {
	return []step.Type{
		buildcommand.Type(),
		checkhttp.Type(),
		sbomsource.Type(),
		scandast.Type(),
		scanexternal.Type(),
		scaniac.Type(),
		scanimage.Type(),
		scanlicences.Type(),
		scansast.Type(),
		scansca.Type(),
		scansecrets.Type(),
		testcommand.Type(),
	}
}
