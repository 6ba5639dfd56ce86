#!/usr/bin/env bash
# oidc-provider (Node.js): a client credentials request for a scope that the server does not know gets a token and no
# `scope`.
#
# One would guess: a scope that cannot be granted is refused with `invalid_scope`, or the response's `scope` says what
# was granted, and a response without `scope` grants what was requested: RFC 6749, section 5.1 makes the member optional
# only if the two are identical.
# In fact: unknown scopes are dropped without an error. If none is left, the response has no `scope` member at all, just
# like "granted as requested", and only introspection shows that the token may do nothing. Only a scope that the server
# knows and the client may not have is refused, and that error has a `scope` member: the one refused.
# For authors of token clients: report as granted only what a successful response names. If it names nothing, say "not
# stated" rather than repeat the request; a misspelt permission shows up only when the API refuses the token.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
export npm_config_cache="$tmp/cache"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund oidc-provider@9.13.3

cat >try.mjs <<'JS'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import Provider from 'oidc-provider'

console.log('oidc-provider', createRequire(import.meta.url)('./node_modules/oidc-provider/package.json').version)
const client = { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }
const provider = new Provider('http://127.0.0.1', {
  clients: [
    { ...client, client_id: 'reporter', client_secret: 'opensesame' },
    { ...client, client_id: 'reader', client_secret: 'opensesame', scope: 'documents.read' },
  ],
  scopes: ['documents.read', 'documents.write'],
  features: { clientCredentials: { enabled: true }, introspection: { enabled: true } },
})
const server = provider.listen(0, '127.0.0.1')
await once(server, 'listening')
const ask = async (path, id, form) => {
  const headers = { authorization: `Basic ${btoa(`${id}:opensesame`)}` }
  const url = `http://127.0.0.1:${server.address().port}${path}`
  const response = await fetch(url, { method: 'POST', headers, body: new URLSearchParams(form) })
  return { status: response.status, ...await response.json() }
}

const seen = {}
for (const [id, scope] of [
  ['reporter', undefined], ['reporter', 'documents.read'], ['reporter', 'documents.raed'],
  ['reporter', 'documents.raed documents.read'], ['reader', 'documents.write'],
]) {
  const answer = await ask('/token', id, { grant_type: 'client_credentials', ...(scope && { scope }) })
  const token = answer.access_token && await ask('/token/introspection', id, { token: answer.access_token })
  seen[`${id}, scope=${scope ?? '(none)'}`] = [answer.status, answer.error, answer.scope, token?.active, token?.scope]
}
console.log('[status, error, scope of the answer, token is active, scope by introspection]')
console.log(seen)
assert.deepEqual(seen, {
  'reporter, scope=(none)': [200, undefined, undefined, true, undefined],
  'reporter, scope=documents.read': [200, undefined, 'documents.read', true, 'documents.read'],
  'reporter, scope=documents.raed': [200, undefined, undefined, true, undefined],
  'reporter, scope=documents.raed documents.read': [200, undefined, 'documents.read', true, 'documents.read'],
  'reader, scope=documents.write': [400, 'invalid_scope', 'documents.write', undefined, undefined],
})
process.exit(0)
JS
node try.mjs
