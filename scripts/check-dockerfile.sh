#!/usr/bin/env bash
# Check the Dockerfile without Docker: a few rules on its text, then its stages carried
# out by hand. The RUN commands of the build stage run as they stand, in a copy of the
# tree; the final stage's COPY lines fill a root directory; and the binary is started in
# it with chroot, as the image's user, where this script runs as root.
# What it cannot check: the base image itself, layers, and the real container runtime.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "check-dockerfile: $*" >&2; exit 1; }
note() { echo "check-dockerfile: $*"; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Comments go, continued lines are joined.
sed -E '/^[[:space:]]*(#|$)/d' Dockerfile | sed -e ':a' -e '/\\$/{N;s/\\\n//;ba' -e '}' >"$work/lines"
awk 'toupper($1)=="FROM"{n++} {print > (dir "/stage" n)}' dir="$work" "$work/lines"
[ -e "$work/stage2" ] && [ ! -e "$work/stage3" ] || fail "two stages are expected: build and the image"
build=$work/stage1 image=$work/stage2

# one STAGE INSTRUCTION prints the rest of the last such line.
one() { sed -nE "s/^$2[[:space:]]+(.*)$/\1/Ip" "$1" | tail -n 1; }

# Rules on the text.
[[ $(one "$build" FROM) =~ ^[^[:space:]]+:[0-9][^[:space:]]*[[:space:]]+AS[[:space:]]+build$ ]] || fail "the build image needs a version, and the name build"
wanted=$(sed -nE 's/^go ([0-9]+\.[0-9]+).*/\1/p' go.mod)
[[ $(one "$build" FROM) == golang:"$wanted"* ]] || fail "go.mod says Go $wanted, the build image is $(one "$build" FROM)"
[ "$(one "$image" FROM)" = scratch ] || fail "the image is expected to start from scratch"
[[ $(one "$image" USER) =~ ^[1-9][0-9]*:[1-9][0-9]*$ ]] || fail "USER must be numbers and not root"
[[ $(one "$image" ENTRYPOINT) == \[* && $(one "$image" CMD) == \[* ]] || fail "ENTRYPOINT and CMD must be lists: there is no shell"
! grep -qiE '^ADD[[:space:]]' "$work/lines" || fail "COPY instead of ADD"
! grep -qiE '^(ARG|ENV)[[:space:]]+[A-Z_]*(TOKEN|SECRET|PASSWORD|KEY)' "$work/lines" || fail "no secret belongs into an image"
! grep -qiE '^(RUN|HEALTHCHECK)' "$image" || fail "the image has no shell to run anything with"
grep -qiE '^COPY.*ca-certificates\.crt' "$image" || fail "the image needs certificate authorities"
[ "$(grep -niE '^COPY go\.mod' "$build" | cut -d: -f1)" -lt "$(grep -niE '^COPY \. ' "$build" | cut -d: -f1)" ] || fail "modules are to be fetched before the code is copied"
note "rules hold"

# The build stage: /src and /out become folders of our own.
mkdir -p "$work/src" "$work/out"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' f; do [ ! -e "$f" ] || printf '%s\0' "$f"; done | tar --null -T - -cf - | tar -xf - -C "$work/src"
while IFS= read -r pattern; do
	# Only plain names: they are what could hide something that the build needs.
	[[ $pattern == *'*'* ]] || rm -rf "${work:?}/src/$pattern"
done <.dockerignore
export VERSION=${VERSION:-devel}
while IFS= read -r command; do
	command=${command//\/out/$work/out}
	note "RUN ${command//$work/}"
	(cd "$work/src" && sh -euc "$command") || fail "the build stage failed"
done < <(sed -nE 's/^RUN[[:space:]]+(.*)$/\1/Ip' "$build")

# The final stage.
root=$work/root
mkdir -p "$root"
while read -r -a words; do
	owner=
	for w in "${words[@]:1}"; do
		[[ $w == --chown=* ]] && owner=${w#--chown=}
		[[ $w != --from=* || $w == --from=build ]] || fail "COPY from an unknown stage: $w"
	done
	from=${words[-2]} to=$root${words[-1]}
	[[ $from == /out/* ]] && from=$work$from
	[ -e "$from" ] || fail "there is no ${words[-2]} to copy (install ca-certificates?)"
	mkdir -p "$(dirname "$to")"
	cp -rL "$from" "$to"
	if [ -n "$owner" ] && [ "$(id -u)" -eq 0 ]; then chown -R "$owner" "$to"; fi
done < <(grep -iE '^COPY' "$image")

entry=$(one "$image" ENTRYPOINT | tr -d '[]" ')
binary=$root$entry
[ -x "$binary" ] || fail "ENTRYPOINT $entry is not in the image"
if command -v file >/dev/null; then
	file -b "$binary" | grep -q 'statically linked' || fail "the binary is not static: $(file -b "$binary")"
fi
! ldd "$binary" >/dev/null 2>&1 || fail "the binary needs shared libraries"
go version -m "$binary" | grep -q 'CGO_ENABLED=0' || fail "the binary was built with cgo"
note "$entry is static, $(($(stat -c %s "$binary") / 1048576)) MiB"

if [ "$(id -u)" -eq 0 ]; then
	user=$(one "$image" USER)
	chmod 755 "$work" "$root"
	as_image() { chroot --userspec="$user" --groups= "$root" "$@"; }
	as_image "$entry" version || fail "version does not run as $user in the image's root"
	rc=0
	as_image "$entry" sync --config /nowhere.yaml >/dev/null 2>&1 || rc=$?
	[ "$rc" -eq 2 ] || fail "sync without a configuration ended with $rc instead of 2"
	note "runs as $user, who owns nothing there but /var/lib/simscim"
else
	note "not root: the binary was not started in the image's root"
fi
