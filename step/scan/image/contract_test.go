package image_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/command"
	"fairlead.dev/internal/imagetest"
	"fairlead.dev/step"
	"fairlead.dev/step/scan/image"
	"fairlead.dev/step/steptest"
)

func TestMain(m *testing.M) {
	command.Guard()
	os.Exit(m.Run())
}

const (
	basePassword = "AKIA" + "Z7QXW3RT5KLM2PNB"
	ownPassword  = "AKIA" + "Y4NWQ7ZB3XTM6RKD"
)

// shop is an image with everything wrong that can be.
func shop() imagetest.Image {
	status := "Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0.1\n\n"
	return imagetest.Image{
		Tag: "registry.example/shop:latest", Env: []string{"PATH=/bin"},
		Steps: []imagetest.Step{
			{Entries: []imagetest.Entry{
				{Name: "etc/os-release", Body: "ID=debian\nVERSION_ID=12\nVERSION_CODENAME=bookworm\n"},
				{Name: "var/lib/dpkg/status", Body: status},
				{Name: "bin/su", Body: "x", Mode: 0o4755},
				{Name: "etc/base.conf", Body: "key = " + basePassword + "\n"},
			}},
			{Command: `CMD ["bash"]`},
			{Entries: []imagetest.Entry{
				{Name: "app/own.conf", Body: "key = " + ownPassword + "\n"},
				{Name: "app/helper", Body: "x", Mode: 0o6755},
				{Name: "../escape", Body: "x"},
			}},
			{Entries: []imagetest.Entry{{Name: "app/.wh.own.conf"}}},
		},
	}
}

func placed(i imagetest.Image) func(*testing.T, *step.In) {
	return func(t *testing.T, in *step.In) {
		imagetest.Archive(t, filepath.Join(in.Workspace, "image.tar"), i)
		in.Secrets = append(in.Secrets, basePassword, ownPassword)
	}
}

// rules gives findings as "rule severity path own|base|-".
func rules(out step.Out) []string {
	var all []string
	for _, f := range out.Findings {
		origin := "-"
		if f.Component.Layer != "" {
			origin = map[bool]string{true: "base", false: "own"}[f.Component.Base]
		}
		all = append(all, strings.Join([]string{f.Rule, string(f.Severity), f.Location.Path, origin}, " "))
	}
	return all
}

func TestContract(t *testing.T) {
	good := imagetest.Image{
		Tag: "shop:1.2", User: "1000:1000", Healthcheck: []string{"CMD", "/shop", "health"},
		Steps: []imagetest.Step{{Entries: []imagetest.Entry{{Name: "shop", Body: "x", Mode: 0o755}}}},
	}
	long := good
	long.Steps = append(slices.Clone(good.Steps), imagetest.Step{Entries: []imagetest.Entry{
		{Name: "var/log/shop.log", Body: "key = " + ownPassword + "\n" + strings.Repeat("nothing happened\n", 5<<20/17)},
		{Name: "bin/large", Body: "\x7fELF\x00" + strings.Repeat("code", 5<<20/4)},
	}})
	config := image.Type().Config.(image.Config)
	based := config
	based.Base = []string{"sha256:" + strings.Repeat("0", 64)}
	steptest.Run(
		t, image.Type(),
		steptest.Case{Name: "everything wrong", Prepare: placed(shop()), Want: step.Done, Check: func(t *testing.T, _ step.In, out step.Out) {
			b, err := os.ReadFile("testdata/everything-wrong.txt")
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Split(strings.TrimSpace(string(b)), "\n")
			if got := rules(out); !slices.Equal(got, want) {
				t.Errorf("found\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
			}
			if len(out.Artifacts) != 1 || out.Artifacts[0].Name != image.ArtifactName {
				t.Errorf("artifacts %+v", out.Artifacts)
			}
		}},
		steptest.Case{Name: "nothing wrong", Prepare: placed(good), Want: step.Done, Check: func(t *testing.T, _ step.In, out step.Out) {
			if len(out.Findings) != 0 {
				t.Errorf("found %q", rules(out))
			}
		}},
		steptest.Case{Name: "a long text and a large program", Prepare: placed(long), Want: step.Done, Check: func(t *testing.T, _ step.In, out step.Out) {
			if got := rules(out); len(got) != 1 || !strings.Contains(got[0], "var/log/shop.log") {
				t.Errorf("found %q", got)
			}
			if !out.Partial || !slices.Equal(out.Missed, []string{"var/log/shop.log"}) || !strings.Contains(out.Reason, "only the first 4 MiB") {
				t.Errorf("partial %v, missed %q: %s", out.Partial, out.Missed, out.Reason)
			}
		}},
		steptest.Case{Name: "another base", Config: based, Prepare: placed(good), Kind: fairlead.KindInvalid},
		steptest.Case{Name: "no image", Kind: fairlead.KindInvalid},
		steptest.Case{Name: "a bomb", Kind: fairlead.KindInvalid, Config: config, Prepare: func(t *testing.T, in *step.In) {
			imagetest.Layout(t, filepath.Join(in.Workspace, "image.tar"), imagetest.Image{Steps: []imagetest.Step{{Packed: imagetest.GzipBomb(t, 1<<30)}}})
		}},
	)
}
