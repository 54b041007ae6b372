#!/usr/bin/env bash
# Takes the example service through the whole way: a first release, a good
# second one by canary, and a bad third one that is rolled back by itself.
# Everything happens in a directory of its own below bin/; nothing is sent
# anywhere but to this machine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fairlead="$PWD/bin/fairlead"
demo="$PWD/bin/demo"

# An earlier demo may still be running: its agent goes before its directory.
if [[ -S "$demo/.fairlead/private/agent/agent.sock" ]]; then
	"$fairlead" agent stop -C "$demo" || true
fi
rm -rf "$demo"
mkdir -p "$demo"
cp -R examples/shop/. "$demo"
cd "$demo"

export GIT_AUTHOR_NAME=Demo GIT_AUTHOR_EMAIL=demo@example.org GIT_COMMITTER_NAME=Demo GIT_COMMITTER_EMAIL=demo@example.org
git init -q -b develop
git add -A
git commit -q -m "First version of the shop"

say() { printf '\n== %s\n' "$*"; }

# A little traffic, so that there is something to judge.
traffic() {
	while :; do
		curl -s -o /dev/null --max-time 5 -H "Cookie: fairlead=$RANDOM$RANDOM" http://127.0.0.1:8081/products || sleep 0.2
	done
}
pids=()
finish() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
}
trap finish EXIT

say "1. a first release: push to develop goes to staging"
"$fairlead" run

for _ in 1 2 3 4; do
	traffic &
	pids+=($!)
done

say "2. a good change, by canary under traffic"
echo "// A harmless change." >>main.go
git commit -q -a -m "Change something harmless"
"$fairlead" run

say "3. a bad change: one request in four fails. It is rolled back by itself"
sed -i.orig 's|command: \[bin/shop\]|command: [bin/shop, --fail-rate=0.25]|' fairlead.yaml && rm fairlead.yaml.orig
git commit -q -a -m "Break one request in four"
"$fairlead" run || true

say "why the last release is not live"
"$fairlead" why

say "what is"
"$fairlead" status

cat <<END

Where to look
  the shop         http://127.0.0.1:8081/products (it keeps running; stop it with: ../fairlead agent stop)
  its repository   cd ${demo#"$OLDPWD/"}
  then             ../fairlead status | why | logs | env show staging | rollback staging
END
