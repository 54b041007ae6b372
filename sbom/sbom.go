// Package sbom works on bills of materials, whoever made them: it reads every
// format, writes one as another, tells two apart and scores them. It touches
// bytes and nothing else.
package sbom
