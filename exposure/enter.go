package exposure

import (
	"context"
	"maps"
	"slices"

	"fairlead.dev"
	"fairlead.dev/correlate"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/purl"
)

// Entered is a release that takes the traffic of an environment, with all that
// it is made of, as far as that is known.
type Entered struct {
	State fairlead.EnvironmentState
	Parts []fairlead.Part
}

// Enter writes the inventory of the release that takes an environment's traffic,
// unless it is there. A release without any signed bill of materials gets an
// empty one: nothing can be known of it.
func (e *Evaluator) Enter(ctx context.Context, s fairlead.EnvironmentState) (Entered, error) {
	parts, err := e.Index.PartsIn(ctx, s.Current.ID)
	if err != nil || len(parts) > 0 {
		return Entered{s, parts}, err
	}
	documents, err := e.Documents.Documents(ctx, s)
	if err != nil {
		return Entered{}, err
	}
	if len(documents) == 0 {
		documents = [][]byte{nil}
	}
	for _, b := range documents {
		parts, err := partsOf(b)
		if err != nil {
			return Entered{}, &fairlead.Problem{
				Op: "index release " + s.Current.ID.Short(), Kind: fairlead.KindInternal, Err: err,
				Hint: "its bill of materials cannot be read, so nobody knows what affects it: release it again",
			}
		}
		v := fairlead.Inventory{Release: s.Current.ID, SBOM: fairlead.DigestBytes(b), Components: parts}
		if err := e.Index.PutInventory(ctx, v); err != nil {
			return Entered{}, err
		}
	}
	parts, err = e.Index.PartsIn(ctx, s.Current.ID)
	return Entered{s, parts}, err
}

// partsOf gives the components of a document that can be looked up. Where there
// is no document there are none.
func partsOf(b []byte) ([]fairlead.Part, error) {
	if len(b) == 0 {
		return nil, nil
	}
	d, err := cyclonedx.Decode(b)
	if err != nil {
		return nil, err
	}
	named := correlate.Parts(d)
	var parts []fairlead.Part
	for _, id := range slices.Sorted(maps.Keys(named)) {
		if key, _, reason := purl.KeyOf(id); reason == "" {
			parts = append(parts, fairlead.Part{Key: key.String(), PURL: id, Mention: named[id].Mention()})
		}
	}
	return parts, nil
}
