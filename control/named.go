package control

import (
	"errors"
	"fmt"
	"strings"

	"fairlead.dev"
)

// named finds the one of all whose id is given, or the only one whose id begins
// so: KindNotFound or KindInvalid otherwise. what is what they are: "grant".
func named[T any](all []T, idOf func(T) string, op, what, id, hint string) (T, error) {
	var found []T
	for _, x := range all {
		switch {
		case idOf(x) == id:
			return x, nil
		case id != "" && strings.HasPrefix(idOf(x), id):
			found = append(found, x)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		var none T
		return none, &fairlead.Problem{Op: op, Kind: fairlead.KindNotFound, Err: fmt.Errorf("there is no %s %q", what, id), Hint: hint}
	default:
		var none T
		return none, &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Err: errors.New("more than one " + what + " begins with " + id), Hint: hint}
	}
}
