package image

import (
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// command is what made the nth layer, "" when the history does not tell.
func command(history []v1.History, n int) string {
	for _, h := range history {
		if h.EmptyLayer {
			continue
		}
		if n == 0 {
			return strings.TrimSpace(h.CreatedBy)
		}
		n--
	}
	return ""
}

// Base tells base layers from own ones by the base image itself. It is false,
// and changes nothing, when the image does not begin with all its layers.
func (i *Image) Base(of *Image) bool {
	var ids []v1.Hash
	for _, l := range of.Layers {
		algorithm, hex, _ := strings.Cut(string(l.Digest), ":")
		ids = append(ids, v1.Hash{Algorithm: algorithm, Hex: hex})
	}
	return i.base(ids, "given")
}

// Scratch says that the image was built from nothing.
func (i *Image) Scratch() { i.mark(0, "given") }

func (i *Image) base(ids []v1.Hash, by string) bool {
	if len(ids) == 0 || len(ids) > len(i.Layers) {
		return false
	}
	for n, id := range ids {
		if string(i.Layers[n].Digest) != id.String() {
			return false
		}
	}
	i.mark(len(ids), by)
	return true
}

func (i *Image) mark(n int, by string) {
	for k := range i.Layers {
		i.Layers[k].Origin = OriginOwn
		if k < n {
			i.Layers[k].Origin = OriginBase
		}
	}
	i.BaseBy = by
}

// byHistory guesses where the base image ends: base images end with the command
// they run, so the last such entry with a layer after it is the end of one.
// Without it nothing is known.
func (i *Image) byHistory(history []v1.History) {
	layers, end := 0, 0
	for _, h := range history {
		switch {
		case !h.EmptyLayer:
			layers++
		case isCommand(h.CreatedBy):
			if layers < len(i.Layers) {
				end = layers
			}
		}
	}
	if end > 0 && layers == len(i.Layers) {
		i.mark(end, "history")
	}
}

func isCommand(by string) bool {
	by = strings.TrimSpace(strings.TrimPrefix(by, "/bin/sh -c #(nop)"))
	return strings.HasPrefix(by, "CMD ") || strings.HasPrefix(by, "ENTRYPOINT ")
}
