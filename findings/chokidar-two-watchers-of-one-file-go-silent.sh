#!/usr/bin/env bash
# chokidar (Node.js): with two watchers of one mounted file in a process, both go silent after the first exchange of the
# volume.
#
# One would guess: watchers are independent. One watcher of a file in a Secret volume reports each exchange, so two do.
# In fact: chokidar shares one underlying fs.watch among the watchers of a path. A single watcher sets it up again when
# the kubelet's rename of `..data` removes the file; with a second one it is still in use, so neither does, and the
# shared one watches a file that no longer exists. There is no `error`. It is enough that a second library in the
# process watches the same file with the same copy of chokidar.
# For authors of consumers: a program whose own watch works stops when a plugin adds a second one. Poll the file, or
# read it for each request; distrust a watch that is silent for longer than a token lives.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
export npm_config_cache="$tmp/cache"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund chokidar@5.0.0

cat >try.mjs <<'JS'
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import chokidar from 'chokidar'

console.log('chokidar', createRequire(import.meta.url)('./node_modules/chokidar/package.json').version)

// As the kubelet does: a new folder, `..data` renamed into place, then the old folder removed.
const exchange = (volume, version) => {
  fs.mkdirSync(`${volume}/..version_${version}`)
  fs.writeFileSync(`${volume}/..version_${version}/token`, `token ${version}`)
  fs.symlinkSync(`..version_${version}`, `${volume}/..data_tmp`)
  fs.renameSync(`${volume}/..data_tmp`, `${volume}/..data`)
  fs.rmSync(`${volume}/..version_${version - 1}`, { recursive: true, force: true })
  assert.equal(fs.readFileSync(`${volume}/token`, 'utf8'), `token ${version}`)
}

const trial = async (title, count, options = {}) => {
  const volume = fs.mkdtempSync('./volume-')
  fs.symlinkSync('..data/token', `${volume}/token`)
  exchange(volume, 0)
  const watchers = []
  for (let n = 0; n < count; n++) {
    watchers.push(chokidar.watch(`${volume}/token`, { ignoreInitial: true, ...options }))
    await once(watchers[n], 'ready')
  }
  const seen = watchers.map(() => [])
  let version = 0
  watchers.forEach((watcher, n) => watcher.on('all', () => { seen[n][version - 1] = true }))
  watchers.forEach((watcher) => watcher.on('error', (error) => assert.fail(error)))
  await sleep(1000)
  while (version < 4) {
    version++
    for (const each of seen) each.push(false)
    exchange(volume, version)
    await sleep(2000)
  }
  console.log(title, seen)
  await Promise.all(watchers.map((watcher) => watcher.close()))
  return seen
}

const later = (seen) => seen.map(([, ...afterTheFirst]) => afterTheFirst)
const every = [true, true, true]
const none = [false, false, false]
assert.deepEqual(later(await trial('one watcher', 1)), [every])
assert.deepEqual(later(await trial('two watchers', 2)), [none, none])
assert.deepEqual(later(await trial('two watchers, usePolling', 2, { usePolling: true })), [every, every])
JS
node try.mjs
