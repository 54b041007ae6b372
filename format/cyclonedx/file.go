package cyclonedx

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// mostFile is the largest document that is read from a file, in bytes.
const mostFile = 256 << 20

// ReadFile decodes the document in a file. One that is not there is an
// fs.ErrNotExist, one of more than 256 MiB is not read.
func ReadFile(name string) (Document, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return Document{}, fmt.Errorf("there is no bill of materials: %w", err)
	}
	if err != nil {
		return Document{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, mostFile+1))
	if err != nil {
		return Document{}, err
	}
	if len(b) > mostFile {
		return Document{}, fmt.Errorf("the bill of materials has more than %d bytes", mostFile)
	}
	d, err := Decode(b)
	if err != nil {
		return d, fmt.Errorf("the bill of materials: %w", err)
	}
	return d, nil
}
