# Helpers of the checks of Dockerfiles.
package lib.dockerfile

# external tells a base image from an earlier stage and from nothing at all.
external(image) if {
	not image in {"", "scratch"}
	not stage(image)
}

stage(image) if {
	some s in input.stages
	lower(s.alias) == lower(image)
}

# tag gives the tag of an image, "" when it has none.
tag(image) := parts[1] if {
	name := regex.replace(image, `^.*/`, "")
	parts := split(split(name, "@")[0], ":")
	count(parts) == 2
} else := ""

# has tells whether stage i, or one that it is built on, has the instruction.
has(i, cmd) if {
	some k in lineage[i]
	some instruction in input.stages[k].instructions
	instruction.cmd == cmd
}

# lineage gives a stage and the stages it is built on.
lineage := {i: graph.reachable(parents, {i}) | some i, _ in input.stages}

parents := {i: {k |
	some k, parent in input.stages
	k < i
	lower(parent.alias) == lower(s.image)
} |
	some i, s in input.stages
}

# sets_user tells whether the stage of that name, or one below it, has USER.
sets_user(image) if {
	some i, s in input.stages
	lower(s.alias) == lower(image)
	has(i, "user")
}

# runs are the single commands of all RUN lines, with the whole line.
runs contains {"at": ["stages", i, "instructions", j], "resource": s.name, "words": words, "line": concat(" ", array.concat(instruction.args, instruction.heredocs))} if {
	some i, s in input.stages
	some j, instruction in s.instructions
	instruction.cmd == "run"
	some command in instruction.commands
	words := program(command)
}

# commands are the single commands of a RUN line, by stage and instruction.
commands[i][j] contains program(command) if {
	some i, s in input.stages
	some j, instruction in s.instructions
	instruction.cmd == "run"
	some command in instruction.commands
}

# program drops what stands in front of a command: variables, and words that
# run what follows.
program(words) := array.slice(words, k, count(words)) if {
	k := min([n | some n, w in words; not regex.match(`^[A-Za-z_][A-Za-z0-9_]*=|^(env|exec|time|nice|then|do|else|if|set|-[a-z]+|\{|!)$`, w)])
}
