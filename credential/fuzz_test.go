package credential_test

import (
	"context"
	"strings"
	"testing"

	"fairlead.dev/credential"
)

// FuzzFind holds that no bytes under no name make the engines fail, and that
// what they find is where they say.
func FuzzFind(f *testing.F) {
	finder, err := credential.New(credential.Options{})
	if err != nil {
		f.Fatal(err)
	}
	for path, content := range map[string]string{
		".env": "DB_PASSWORD=x7Kq2Wm9\n", "a.xml": "<password>x7Kq2Wm9</password>", "dump.sql": "CREATE TABLE u (\n id int,\n password text\n);\nINSERT INTO u VALUES (1,'x7Kq2Wm9');\n",
		".pgpass": "h:1:d:u:x7Kq2Wm9\n", "shadow": "root:$6$abcdefgh$ijklmnopqrstuvwxyz0123:1::\n", "a.jks": "\xfe\xed\xfe\xed\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x01",
		"a.json": `{"name":"DB_PASSWORD","value":"x7Kq2Wm9"}`, "u.txt": "\xff\xfep\x00w\x00d\x00=\x00", "a.go": "const password string = \"x7Kq2Wm9\"", "m.sh": "mysql -pX7Kq2Wm9 db",
	} {
		f.Add(path, []byte(content))
	}
	f.Fuzz(func(t *testing.T, path string, content []byte) {
		if strings.Count(string(content), "\n") > 1000 {
			return
		}
		for _, h := range finder.Find(context.Background(), path, content) {
			if h.Rule == "" || h.Message == "" || h.Severity == "" || h.Line < 0 || h.Line > 0 && h.Column < 1 {
				t.Errorf("%+v", h)
			}
		}
	})
}
