package secrets_test

import (
	"os"
	"testing"

	"fairlead.dev"
	"fairlead.dev/command"
	"fairlead.dev/step"
	"fairlead.dev/step/scan/secrets"
	"fairlead.dev/step/steptest"
)

func TestMain(m *testing.M) {
	command.Guard()
	os.Exit(m.Run())
}

func TestContract(t *testing.T) {
	leak := "key = " + "AKIA" + "Z7QXW3RT5KLM2PNB" + "\n"
	steptest.Run(t, secrets.Type(),
		steptest.Case{
			Name:  "a leak in the change",
			Files: map[string]string{"a.conf": leak, "b.conf": leak},
			Prepare: func(_ *testing.T, in *step.In) {
				in.Event.Change.Paths = []string{"a.conf"}
				in.Secrets = append(in.Secrets, "AKIA"+"Z7QXW3RT5KLM2PNB")
			},
			Want: step.Done,
			Check: func(t *testing.T, _ step.In, out step.Out) {
				if len(out.Findings) != 1 || out.Findings[0].Severity != fairlead.SeverityCritical {
					t.Errorf("findings %+v", out.Findings)
				}
			},
		},
		steptest.Case{Name: "nothing changed", Files: map[string]string{"a.conf": leak}, Want: step.Done},
		steptest.Case{Name: "a wrong glob", Config: secrets.Config{Scope: "tree", Allow: []string{"[a"}, MaxMiB: 1}, Kind: fairlead.KindInvalid},
	)
}
