#!/usr/bin/env bash
# All tests: what `make test` calls, with the virtual environment's folder.
#
# Without an engine, and where none can be installed, the Docker tests are left out and the run says so; CI sets
# HAC_REQUIRE_DOCKER=1, so that there they fail instead. Most tests wait more than they compute: three at a time for each
# processor take half the time, and those that share what takes seconds to make are one process's. The Docker tests share an engine and its images: two
# processes run them, file by file, beside the others; the longest are the first by name.
#
# What failed is tried once more when all else has ended, one at a time: a loaded machine may give a test no time. What
# passes then is named as TRIED AGAIN, which is a fault of the test to be looked for, but no reason to refuse a change.
set -uo pipefail
venv=$1
mkdir -p .work
# Where more fail than these, it is not the load.
most_again=12

# The folders of tests that failed are kept, and found here. Others may pass through, as some tests work for other users.
roots=$(mktemp -d "${PYTEST_DEBUG_TEMPROOT:-${TMPDIR:-/tmp}}/hac-XXXXXX")
chmod 755 "$roots"

# Each suite has a folder of its own for what failed and for what is temporary, as they run beside each other: a pytest
# that begins shuts the folder that it shares with others from all other users.
pytest_of() {
  local suite=$1; shift
  mkdir -p "$roots/$suite"
  PYTEST_DEBUG_TEMPROOT="$roots/$suite" "$venv/bin/pytest" -q -o cache_dir=".work/failed-$suite" "$@"
}

first_try() {
  local suite=$1; shift
  rm -rf ".work/failed-$suite"
  pytest_of "$suite" --durations 25 "$@"
  echo $? >".work/status-$suite"
}

second_try() {
  local suite=$1 status failed; shift
  status=$(cat ".work/status-$suite")
  # 1 says that tests failed, and nothing else did.
  [ "$status" = 1 ] || return "$status"
  failed=$(grep -c ': true' ".work/failed-$suite/v/cache/lastfailed")
  [ "$failed" -le "$most_again" ] || return 1
  echo "TRIED AGAIN, alone ($suite):"
  grep ': true' ".work/failed-$suite/v/cache/lastfailed"
  pytest_of "$suite" -n 0 --last-failed --last-failed-no-failures none "$@"
}

docker=(-m 'not builders' tests/docker)
plain=(-m 'not gigabyte and not training' --ignore tests/docker --ignore tests/browser tests)
browser=(tests/browser)

host=$("$venv/bin/envtool" engine start --for-tests) || { [ -z "${HAC_REQUIRE_DOCKER:-}" ] || exit 1; host=; }
if [ -n "$host" ]; then
  export DOCKER_HOST=$host
  first_try docker -n 2 --dist loadfile --no-loadscope-reorder "${docker[@]}" >.work/docker-tests.txt 2>&1 &
else
  echo 'LEFT OUT: the Docker tests, because no Docker Engine answers and none can be installed here'
fi
first_try plain -n $((3 * $(nproc))) --dist loadgroup --no-loadscope-reorder "${plain[@]}"
first_try browser "${browser[@]}"
wait
status=0
if [ -n "$host" ]; then
  cat .work/docker-tests.txt
  second_try docker "${docker[@]}" || status=1
fi
second_try plain "${plain[@]}" || status=1
second_try browser "${browser[@]}" || status=1
if [ $status = 0 ]; then rm -rf "$roots"; else echo "what the tests that failed left: $roots"; fi
exit $status
