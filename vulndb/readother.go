package vulndb

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"fairlead.dev"
	"fairlead.dev/format/epss"
	"fairlead.dev/format/kev"
	"fairlead.dev/format/vex"
)

// maxFile is the most that a single file may hold, uncompressed, in bytes.
const maxFile = 256 << 20

// readFile reads a single file, compressed by gzip or not, by what is in it.
func (b *builder) readFile(ctx context.Context, in Input) error {
	body, err := contentOf(in.Path)
	if err != nil {
		return invalid(in, err)
	}
	trimmed := bytes.TrimLeft(body, "\ufeff \t\r\n")
	switch {
	case vex.Sniff(body) != "":
		return b.readVEX(ctx, in, body)
	case isKEV(trimmed):
		return b.readKEV(ctx, in, body)
	case bytes.HasPrefix(trimmed, []byte("#model_version")), bytes.HasPrefix(trimmed, []byte("cve,epss,percentile")):
		return b.readEPSS(ctx, in, body)
	}
	return b.one(ctx, in, body)
}

// contentOf reads a file, unpacked, within the limit.
func contentOf(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buffered := bufio.NewReader(f)
	var r io.Reader = buffered
	if magic, err := buffered.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		if r, err = gzip.NewReader(buffered); err != nil {
			return nil, err
		}
	}
	body, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(body) > maxFile {
		err = fmt.Errorf("it has more than %d bytes", maxFile)
	}
	return body, err
}

func isKEV(b []byte) bool {
	var d struct {
		Version *string          `json:"catalogVersion"`
		List    *json.RawMessage `json:"vulnerabilities"`
	}
	if bytes.HasPrefix(b, []byte("{")) {
		return json.Unmarshal(b, &d) == nil && d.Version != nil && d.List != nil
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return bytes.Contains(line, []byte("cveID")) && bytes.Contains(line, []byte("dateAdded"))
}

// replace writes a source that is always imported whole: what it had goes.
func (b *builder) replace(ctx context.Context, in Input, table string, v Source, body []byte, insert func() (int, error)) error {
	kinds := []Kind{v.Kind}
	if table == "vex" { // an author may change the format
		kinds = []Kind{KindOpenVEX, KindCycloneDX, KindCSAF}
	}
	if err := b.claim(ctx, v.Name, in, kinds, true); err != nil {
		return err
	}
	if _, err := b.tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE source = ?", v.Name); err != nil {
		return importProblem(fairlead.KindUnavailable, "", err)
	}
	var err error
	if v.Records, err = insert(); err != nil {
		return err
	}
	v.Imported, v.Digest = b.now, fairlead.DigestBytes(body)
	if v.Snapshot.IsZero() || v.Snapshot.After(b.now) {
		v.Snapshot = b.now
	}
	return importProblemOrNil(b.noteSource(ctx, v))
}

func (in Input) source(kind Kind, name string, snapshot time.Time) Source {
	v := Source{Name: in.Name, Kind: kind, Origin: in.Origin, Snapshot: snapshot, Licence: in.Licence}
	if v.Name == "" {
		v.Name = name
	}
	if v.Origin == "" {
		v.Origin = in.Path
	}
	return v
}

func (b *builder) readKEV(ctx context.Context, in Input, body []byte) error {
	c, err := kev.Decode(body)
	if err != nil {
		return invalid(in, err)
	}
	v := in.source(KindKEV, "kev", c.Released)
	was, err := b.listed(ctx)
	if err != nil {
		return importProblem(fairlead.KindUnavailable, "", err)
	}
	return b.replace(ctx, in, "kev", v, body, func() (int, error) {
		for _, e := range c.Entries {
			_, err := b.exec(ctx, "INSERT OR REPLACE INTO kev (cve, source, added, due, ransomware, action) VALUES (?, ?, ?, ?, ?, ?)",
				e.CVE, v.Name, nanos(e.Added), nanos(e.Due), e.Ransomware, e.Action)
			if err != nil {
				return 0, importProblem(fairlead.KindUnavailable, "", err)
			}
		}
		is, err := b.listed(ctx)
		for cve := range is {
			if err == nil && !was[cve] {
				err = b.touchNamed(ctx, cve)
			}
		}
		for cve := range was {
			if err == nil && !is[cve] {
				err = b.touchNamed(ctx, cve)
			}
		}
		if err != nil {
			return 0, importProblem(fairlead.KindUnavailable, "", err)
		}
		return len(c.Entries), nil
	})
}

// listed gives the vulnerabilities that are known to be exploited.
func (b *builder) listed(ctx context.Context) (map[string]bool, error) {
	st, err := b.prepare(ctx, "SELECT cve FROM kev")
	if err != nil {
		return nil, err
	}
	rows, err := st.QueryContext(ctx)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]bool{}
	for rows.Next() {
		var cve string
		if err := rows.Scan(&cve); err != nil {
			return nil, err
		}
		all[cve] = true
	}
	return all, rows.Err()
}

func (b *builder) readEPSS(ctx context.Context, in Input, body []byte) error {
	head, err := epss.Decode(bytes.NewReader(body), func(epss.Score) error { return nil })
	if err != nil {
		return invalid(in, err)
	}
	v := in.source(KindEPSS, "epss", head.Date)
	return b.replace(ctx, in, "epss", v, body, func() (int, error) {
		n := 0
		_, err := epss.Decode(bytes.NewReader(body), func(s epss.Score) error {
			n++
			_, err := b.exec(ctx, "INSERT OR REPLACE INTO epss (cve, source, score, percentile) VALUES (?, ?, ?, ?)",
				s.CVE, v.Name, s.Probability, s.Percentile)
			return err
		})
		return n, importProblemOrNil(err)
	})
}

func (b *builder) readVEX(ctx context.Context, in Input, body []byte) error {
	d, err := vex.Decode(body)
	if err == nil && len(d.Statements) == 0 {
		err = errors.New("it says nothing about any vulnerability")
	}
	if err != nil {
		return invalid(in, err)
	}
	name := d.ID // a name of the file may be that of another document's, too
	if name == "" {
		name = filepath.Base(in.Path)
	}
	v := in.source(Kind(d.Format), "vex:"+name, d.Time)
	return b.replace(ctx, in, "vex", v, body, func() (int, error) {
		for i, s := range d.Statements {
			_, err := b.exec(ctx, `INSERT INTO vex (source, position, vulnerability, product, component, status, justification, statement, time)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, v.Name, i, s.Vulnerability, s.Product, s.Component, s.Status, s.Justification, s.Statement, nanos(s.Time))
			if err == nil {
				err = b.touchNamed(ctx, s.Vulnerability)
			}
			if err != nil {
				return 0, importProblem(fairlead.KindUnavailable, "", err)
			}
		}
		return len(d.Statements), nil
	})
}

// touchNamed notes the packages of every record that an identifier stands for.
func (b *builder) touchNamed(ctx context.Context, id string) error {
	st, err := b.prepare(ctx, "SELECT num FROM advisory WHERE id = ?1 OR canonical = ?1 OR canonical = (SELECT canonical FROM advisory WHERE id = ?1)")
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(ctx, id)
	if err != nil {
		return err
	}
	var nums []int64
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return errors.Join(err, rows.Close())
		}
		nums = append(nums, n)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, n := range nums {
		if err := b.touch(ctx, n); err != nil {
			return err
		}
	}
	return nil
}
