package report

import (
	"bytes"
	"encoding/json"
	"strings"
)

// word is a text that some versions of a tool write as a number.
type word string

// UnmarshalJSON takes a text or a number; anything else is no word.
func (w *word) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*w = word(s)
	} else if len(b) > 0 && bytes.IndexByte([]byte("-0123456789"), b[0]) >= 0 {
		*w = word(b)
	}
	return nil
}

// list is a list of words that some versions of a tool write as one text with
// commas between.
type list []string

// UnmarshalJSON takes a list or a text; anything else is an empty list.
func (l *list) UnmarshalJSON(b []byte) error {
	var all []word
	if json.Unmarshal(b, &all) == nil {
		for _, s := range all {
			*l = append(*l, string(s))
		}
		return nil
	}
	var s string
	if json.Unmarshal(b, &s) == nil {
		for part := range strings.SplitSeq(s, ",") {
			if part = strings.TrimSpace(part); part != "" {
				*l = append(*l, part)
			}
		}
	}
	return nil
}

// object gives of JSON that may be something else than an object an object, or
// nothing.
type object[T any] struct{ value T }

// UnmarshalJSON takes an object that fits; anything else is empty.
func (o *object[T]) UnmarshalJSON(b []byte) error {
	var v T
	if json.Unmarshal(b, &v) == nil {
		o.value = v
	}
	return nil
}
