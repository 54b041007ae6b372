package doctor

import (
	"encoding/json"
	"regexp"
	"strings"

	"fairlead.dev"
)

var (
	separator  = regexp.MustCompile(`&&|\|\||[;|&\n(){}]`)
	assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)
	plainName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*$`)
)

// Needed gives the programs that a plan's commands begin with, each with the
// task that needs it, and git, which everything needs. It reads shell text
// only as far as this takes; what the shell has built in is left out.
func Needed(p fairlead.Plan) map[string]string {
	needed := map[string]string{"git": "reading commits"}
	for _, t := range p.Tasks {
		var config struct {
			Run string `json:"run"`
		}
		if json.Unmarshal(t.Config, &config) != nil {
			continue
		}
		for _, name := range programs(config.Run) {
			if _, ok := needed[name]; !ok {
				needed[name] = "task " + t.ID
			}
		}
	}
	return needed
}

// programs gives the first word of each command of a script.
func programs(script string) []string {
	var names []string
	for _, part := range separator.Split(script, -1) {
		words := strings.Fields(part)
		for len(words) > 0 && (assignment.MatchString(words[0]) || words[0] == "!" || words[0] == "exec" || words[0] == "time") {
			words = words[1:]
		}
		if len(words) > 0 && plainName.MatchString(words[0]) && !builtin(words[0]) {
			names = append(names, words[0])
		}
	}
	return names
}

// builtin tells whether a word is the shell's own or on every machine.
func builtin(word string) bool {
	switch word {
	case "cd", "echo", "export", "set", "unset", "test", "true", "false", "exit", "return", "if", "then", "else", "elif", "fi",
		"for", "while", "until", "do", "done", "case", "esac", "in", "trap", "wait", "read", "shift", "eval", "umask", "ulimit",
		"printf", "sleep", "cat", "cp", "mv", "rm", "mkdir", "ls", "sh", "chmod", "touch", "grep", "sed", "awk", "head", "tail",
		"sort", "tr", "cut", "wc", "env", "kill", "pwd", "command", "type", "local", "dd", "ln", "tee", "xargs", "find":
		return true
	}
	return false
}
