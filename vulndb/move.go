package vulndb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"fairlead.dev"
)

// Export writes a copy of the database at path to a file that is not there
// yet. The copy is a database like any other: put it where another machine
// looks for its own.
func Export(ctx context.Context, path, file string) error {
	db, err := Open(ctx, path) // what is no database is not copied
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return readProblem(err)
	}
	bad := func(kind fairlead.Kind, hint string, err error) error {
		return &fairlead.Problem{Op: "export vulnerability database", Kind: kind, Hint: hint, Err: err}
	}
	if _, err := os.Lstat(file); err == nil {
		return bad(fairlead.KindConflict, "name a file that is not there yet", fmt.Errorf("%s is there", file))
	}
	from, err := os.Open(path)
	if err != nil {
		return bad(fairlead.KindUnavailable, "", err)
	}
	defer from.Close()
	// Half a copy never has the name of a whole one.
	to, err := os.CreateTemp(filepath.Dir(file), ".fairlead-export-")
	if err != nil {
		return bad(fairlead.KindUnavailable, "name a file in a directory that can be written", err)
	}
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Sync(), to.Close()); err == nil {
		err = os.Rename(to.Name(), file)
	}
	if err != nil {
		return bad(fairlead.KindUnavailable, "is the disk full?", errors.Join(err, os.Remove(to.Name())))
	}
	return nil
}

// maxDownload is how large a download may be, in bytes, and maxWait how long
// one may take.
const (
	maxDownload = 4 << 30
	maxWait     = 30 * time.Minute
)

// Download fetches the addresses into dir, each from the mirror when one is
// named: the mirror's address with the path of the original one below it. The
// inputs are ready to be imported. A server that does not give a file is
// KindUnavailable.
func Download(ctx context.Context, dir, mirror string, addresses []string) ([]Input, error) {
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	var inputs []Input
	for i, address := range addresses {
		from, err := mirrored(address, mirror)
		if err != nil {
			return nil, &fairlead.Problem{Op: "sync vulnerability database", Kind: fairlead.KindInvalid, Err: err, Hint: "write addresses like https://host/path/all.zip"}
		}
		u, _ := url.Parse(address)
		file := filepath.Join(dir, fmt.Sprint(i)+"-"+cmp.Or(path.Base(u.Path), "file"))
		if err := fetch(ctx, from, file); err != nil {
			return nil, &fairlead.Problem{
				Op: "sync vulnerability database", Kind: fairlead.KindUnavailable, Err: fmt.Errorf("%s: %w", shown(from), err),
				Hint: "nothing was imported; `--mirror` names another server, `fairlead vulndb import` takes files",
			}
		}
		inputs = append(inputs, Input{Path: file, Origin: shown(address)})
	}
	return inputs, nil
}

func mirrored(address, mirror string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", fmt.Errorf("%q is no address", shown(address))
	}
	if mirror == "" {
		return address, nil
	}
	m, err := url.Parse(mirror)
	if err != nil || m.Host == "" {
		return "", fmt.Errorf("%q is no address", shown(mirror))
	}
	return strings.TrimSuffix(mirror, "/") + u.EscapedPath(), nil
}

// shown gives an address without the password that may be in it.
func shown(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the address"
	}
	return u.Redacted()
}

func fetch(ctx context.Context, from, file string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errors.New(res.Status)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(res.Body, maxDownload+1))
	if err == nil && n > maxDownload {
		err = fmt.Errorf("more than %d bytes", int64(maxDownload))
	}
	return errors.Join(err, f.Close())
}
