package iac

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// maxLines bounds a Dockerfile: checks compare its instructions with each other.
const maxLines = 20_000

// parseDockerfile reads a Dockerfile into its stages:
//
//	stages: [{name, index, image, from: {cmd, args, flags}, last, instructions: [
//	  {cmd, args: [...], exec: bool, flags: {...}, text, heredocs: [...]}]}]
//
// What stands before the first FROM are the arguments of FROM; their defaults
// are put in.
func parseDockerfile(f File) (unit, error) {
	if !utf8.Valid(f.Content) {
		return unit{}, errors.New("it is not UTF-8")
	}
	if n := bytes.Count(f.Content, []byte("\n")); n > maxLines {
		return unit{}, fmt.Errorf("it has %d lines, the limit is %d", n, maxLines)
	}
	parsed, err := parser.Parse(bytes.NewReader(f.Content))
	if err != nil {
		return unit{}, err
	}
	root, list := at(f.Path, 1, 1), &place{}
	var stages []any
	var stage map[string]any
	var instructions *place
	args := map[string]string{}
	for _, n := range parsed.AST.Children {
		in := instruction(n)
		here := at(f.Path, n.StartLine, 1)
		switch cmd := in["cmd"]; {
		case cmd == "from":
			stage = newStage(in, len(stages), args)
			instructions = &place{}
			stages = append(stages, stage)
			list.items = append(list.items, here.set("instructions", instructions))
		case stage == nil && cmd == "arg":
			for _, a := range in["args"].([]any) {
				if name, value, ok := strings.Cut(a.(string), "="); ok {
					args[name] = strings.Trim(value, `"'`)
				}
			}
		case stage == nil:
			return unit{}, errors.New("line " + strconv.Itoa(n.StartLine) + ": an instruction stands before FROM")
		default:
			stage["instructions"] = append(stage["instructions"].([]any), in)
			instructions.items = append(instructions.items, here)
		}
	}
	if len(stages) == 0 {
		return unit{}, errors.New("it has no FROM")
	}
	stages[len(stages)-1].(map[string]any)["last"] = true
	return unit{Dockerfile, map[string]any{"path": f.Path, "stages": stages}, root.set("stages", list)}, nil
}

func newStage(from map[string]any, index int, args map[string]string) map[string]any {
	words := from["args"].([]any)
	stage := map[string]any{"index": index, "name": "stage " + strconv.Itoa(index), "image": "", "from": from, "last": false, "instructions": []any{}}
	if len(words) > 0 {
		stage["image"] = expand(words[0].(string), args)
	}
	if len(words) == 3 && strings.EqualFold(words[1].(string), "as") {
		stage["name"], stage["alias"] = words[2], words[2]
	}
	return stage
}

// reference is a variable in FROM, with a default or without.
var reference = regexp.MustCompile(`\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))`)

// expand puts in the arguments that are known; the others stay as written.
func expand(s string, args map[string]string) string {
	return reference.ReplaceAllStringFunc(s, func(match string) string {
		m := reference.FindStringSubmatch(match)
		if v, ok := args[m[1]+m[3]]; ok {
			return v
		}
		if m[2] != "" {
			return m[2]
		}
		return match
	})
}

// instruction gives one line as checks see it.
func instruction(n *parser.Node) map[string]any {
	args := []any{}
	for a := n.Next; a != nil; a = a.Next {
		args = append(args, a.Value)
	}
	flags := map[string]any{}
	for _, flag := range n.Flags {
		key, value, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
		flags[key] = value
	}
	heredocs := []any{}
	for _, h := range n.Heredocs {
		heredocs = append(heredocs, h.Content)
	}
	cmd := strings.ToLower(n.Value)
	out := map[string]any{"cmd": cmd, "args": args, "flags": flags, "exec": n.Attributes["json"], "heredocs": heredocs, "original": n.Original}
	if cmd == "run" {
		text := make([]string, 0, len(args)+len(heredocs))
		for _, a := range append(args, heredocs...) {
			text = append(text, a.(string))
		}
		out["commands"] = commands(strings.Join(text, " "))
	}
	return out
}

// separator ends one command of a shell line. Quotes are not looked into:
// what they hold may be a command again, of sh -c.
var separator = regexp.MustCompile(`&&|\|\||[;|\n]`)

// commands splits a shell line into its commands, each a list of words.
func commands(line string) []any {
	out := []any{}
	for _, c := range separator.Split(strings.NewReplacer("\\\n", " ", "(", " ", ")", " ").Replace(line), -1) {
		words := []any{}
		for _, w := range strings.Fields(c) {
			if w = strings.Trim(w, `"'`+"`"); w != "" {
				words = append(words, w)
			}
		}
		if len(words) > 0 {
			out = append(out, words)
		}
	}
	return out
}
