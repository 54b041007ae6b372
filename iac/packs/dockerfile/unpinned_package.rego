# METADATA
# title: A language package is installed in whatever version there is
# description: a build picks up a new release, and so a hijacked one, unseen
# custom:
#   severity: low
#   cwe: [CWE-1357]
#   fix: >-
#     install from a lock file, or name the version: pip install flask==3.0.0, npm install
#     left-pad@1.3.0, gem install rails:7.1.0
package fairlead.dockerfile.unpinned_package

import data.lib.dockerfile

deny contains {"at": run.at, "resource": run.resource, "message": sprintf("%s installs %s in any version", [run.words[0], word])} if {
	some run in dockerfile.runs
	rest := after(run.words)
	some k, word in rest
	not startswith(word, "-")
	not takes_value(rest, k)
	not pinned(run.words[0], word)
	not from_file(rest)
}

# after gives what follows the verb.
after(words) := array.slice(words, 2, count(words)) if {
	words[0] in {"pip", "pip3", "npm", "gem"}
	words[1] in {"install", "i"}
}

after(words) := array.slice(words, 4, count(words)) if {
	regex.match(`^python[0-9.]*$`, words[0])
	array.slice(words, 1, 4) == ["-m", "pip", "install"]
}

takes_value(words, k) if {
	words[k - 1] in {"-r", "--requirement", "-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-t", "--target", "--prefix", "-f", "--find-links", "--root", "-v", "--version", "--registry", "--trusted-host", "--cache-dir", "-e", "--source"}
}

from_file(words) if {
	some word in words
	word in {"--require-hashes", "-v", "--version"}
}

pinned(_, word) if regex.match(`^[./$~]|^(git\+)?(https?|ssh|file|git)[:@]|\.(whl|tgz|gz|zip|gem)$|\$`, word)

pinned(tool, word) if {
	tool != "npm"
	regex.match(`(==|===|@|:)[0-9$]`, word)
}

pinned("npm", word) if regex.match(`^.+@[0-9$]`, word)
