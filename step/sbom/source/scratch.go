package source

import (
	_ "github.com/CycloneDX/cyclonedx-go"
	_ "github.com/bmatcuk/doublestar/v4"
	_ "github.com/google/osv-scalibr/extractor/filesystem/language/golang/gomod"
	_ "github.com/google/osv-scalibr/extractor/filesystem/language/java/gradlelockfile"
	_ "github.com/google/osv-scalibr/extractor/filesystem/language/java/pomxml"
	_ "github.com/google/osv-scalibr/extractor/filesystem/language/javascript/packagelockjson"
	_ "github.com/google/osv-scalibr/extractor/filesystem/language/javascript/pnpmlock"
	_ "github.com/google/osv-scalibr/extractor/filesystem/language/javascript/yarnlock"
	_ "github.com/google/osv-scalibr/extractor/filesystem/language/php/composerlock"
	_ "github.com/google/osv-scalibr/extractor/filesystem/language/python/pipfilelock"
	_ "github.com/google/osv-scalibr/extractor/filesystem/language/python/poetrylock"
	_ "github.com/google/osv-scalibr/extractor/filesystem/language/python/requirements"
	_ "github.com/google/osv-scalibr/extractor/filesystem/language/python/uvlock"
	_ "github.com/google/osv-scalibr/extractor/filesystem/language/ruby/gemfilelock"
	_ "github.com/google/osv-scalibr/extractor/filesystem/language/rust/cargolock"
	_ "github.com/zricethezav/gitleaks/v8/detect"
	_ "pgregory.net/rapid"
)
