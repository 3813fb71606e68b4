#!/usr/bin/env bash
# Fuzz every target of the tree, one after the other: scripts/fuzz.sh [TIME [TOTAL]]
# TIME is how long each is fuzzed (default 10s). With TOTAL, in seconds, the time of
# each is cut so that all together take no longer, building aside.
set -euo pipefail
cd "$(dirname "$0")/.."

time=${1:-10s}
total=${2:-0}

# Go fuzzes one target of one package at a time, so they are listed first.
mapfile -t targets < <(grep -rnoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sed -E 's|^(.*)/[^/]*:[0-9]+:func |\1 |' | sort -u)
if [ ${#targets[@]} -eq 0 ]; then
	echo "no fuzz target found" >&2
	exit 1
fi
if [ "$total" -gt 0 ]; then
	each=$((total / ${#targets[@]}))
	[ "$each" -ge 1 ] || each=1
	[ "$each" -lt "${time%s}" ] && time="${each}s"
fi

failed=0
for target in "${targets[@]}"; do
	read -r dir name <<<"$target"
	if out=$(go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" "$dir" 2>&1); then
		echo "ok   $dir $name ($(grep -oE 'execs: [0-9]+' <<<"$out" | tail -1))"
	elif grep -q 'context deadline exceeded' <<<"$out" && ! grep -q 'Failing input written' <<<"$out"; then
		# The time ran out while an input was being tried: Go calls that a failure, but
		# nothing was found.
		echo "ok   $dir $name (time ran out, nothing found)"
	else
		failed=1
		echo "FAIL $dir $name"
		echo "$out"
	fi
done
exit $failed
