// Package all lists the target types. Adding one is a folder and one line here.
package all

import (
	"fairlead.dev/target"
	"fairlead.dev/target/kubernetes"
	"fairlead.dev/target/process"
)

// Types gives every target type, by name.
func Types() []target.Type {
	return []target.Type{
		process.Type(),
		kubernetes.Type(),
	}
}
