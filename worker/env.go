package worker

import "os"

// declared gives "NAME=value" for the variables that the config declares and
// that are set, for the content key only.
func declared(names []string) []string {
	var out []string
	for _, n := range names {
		if v, ok := os.LookupEnv(n); ok {
			out = append(out, n+"="+v)
		}
	}
	return out
}
