#!/usr/bin/env bash
# Runs envtool's check, scan and verify, each for what the action was given, and tells the action how it went. Its own
# exit status is 0 unless envtool cannot be installed: the action fails last, when everything is uploaded.
set -euo pipefail

folder=${RUNNER_TEMP:-$(mktemp -d)}/envtool-reports
tools=${RUNNER_TEMP:-$(mktemp -d)}/envtool-venv
mkdir -p "$folder"
status=0

# Apart from the environment that the job works in.
"${PYTHON:-python3}" -m venv "$tools"
"$tools/bin/python" -m pip install --quiet --disable-pip-version-check "$ENVTOOL"

# run COMMAND WORDS...: writes COMMAND.sarif and COMMAND.html; where something was found, says it in the log and at the lines as well.
run() {
  local command=$1 found=0
  shift
  echo "::group::envtool $command"
  "$tools/bin/envtool" "$command" --format sarif --output "$folder/$command.sarif" "$@" || found=$?
  "$tools/bin/envtool" "$command" --format html --output "$folder/$command.html" "$@" || true
  echo "::endgroup::"
  if [ "$found" != 0 ]; then
    "$tools/bin/envtool" "$command" --format github "$@" || true
    # An error tells more than that something was found.
    if [ "$found" -gt "$status" ]; then status=$found; fi
  fi
}

# Patterns of the lines of a variable, each a file that exists.
list_files() {
  local pattern
  while IFS= read -r pattern; do
    [ -z "$pattern" ] || compgen -G "$pattern" || true
  done <<<"$1"
}

mapfile -t files < <(list_files "${FILES:-}")
if [ "${#files[@]}" != 0 ]; then run check --torch "$TORCH" -- "${files[@]}"; fi
if [ -n "${PROJECT:-}" ]; then run scan --torch "$TORCH" -- "$PROJECT"; fi
mapfile -t images < <(grep -v '^[[:space:]]*$' <<<"${IMAGES:-}")
if [ "${#images[@]}" != 0 ]; then run verify --static -- "${images[@]}"; fi

sarif=false
if compgen -G "$folder/*.sarif" >/dev/null; then sarif=true; fi
printf '%s\n' "status=$status" "folder=$folder" "sarif=$sarif" >>"${GITHUB_OUTPUT:-/dev/stdout}"
