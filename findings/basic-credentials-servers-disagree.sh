#!/usr/bin/env bash
# HTTP Basic at two Node.js token servers: the form of the credentials that one requires, the other refuses.
#
# One would guess: servers decode the form-encoding that RFC 6749, section 2.3.1 requires of clients, and for a client
# ID like `nightly-report`, which needs no encoding, it makes no difference.
# In fact: @node-oauth/oauth2-server doesn't decode ID and secret: a secret with a space or a % only works unencoded,
# which oidc-provider refuses. And hyphens matter: oauth4webapi, on which openid-client is built, also encodes `-`, `_`
# and `.`, so its Basic gets no token here even for the plainest client.
# For authors of token clients: no form of Basic works everywhere; offer the credentials in the body, which both servers
# decode. Servers: decode, and test with a client that encodes more than it must.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
export npm_config_cache="$tmp/cache"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund \
  @node-oauth/oauth2-server@5.3.0 express@5.3.0 oidc-provider@9.13.3 oauth4webapi@3.8.8
npm ls --depth=0 | tail -n +2

cat >try.mjs <<'JS'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import express from 'express'
import OAuth2Server from '@node-oauth/oauth2-server'
import Provider from 'oidc-provider'
import * as oauth from 'oauth4webapi'

const clients = { 'nightly-report': 'opensesame', nightly: 'open 100% sesame' }
const model = {
  getClient: async (id, secret) => (clients[id] === secret ? { id, grants: ['client_credentials'] } : false),
  getUserFromClient: async (client) => ({ id: client.id }),
  saveToken: async (token, client, user) => ({ ...token, client, user }),
}
const server = new OAuth2Server({ model })
const app = express().use(express.urlencoded({ extended: false }))
app.post('/token', async (req, res) => {
  const response = new OAuth2Server.Response(res)
  await server.token(new OAuth2Server.Request(req), response).catch(() => {})
  res.status(response.status).set(response.headers).json(response.body)
})
const provider = new Provider('http://127.0.0.1', {
  clients: Object.entries(clients).map(([client_id, client_secret]) => (
    { client_id, client_secret, grant_types: ['client_credentials'], redirect_uris: [], response_types: [] })),
  features: { clientCredentials: { enabled: true } },
})
const listen = async (server) => {
  const listening = server.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  return `http://127.0.0.1:${listening.address().port}/token`
}
const form = (value) => new URLSearchParams({ '': value }).toString().slice(1)
const basic = (id, encode = (value) => value) => `Basic ${btoa(`${encode(id)}:${encode(clients[id])}`)}`
const library = (id) => {
  const headers = new Headers()
  oauth.ClientSecretBasic(clients[id])({}, { client_id: id }, null, headers)
  return headers.get('authorization')
}
const ask = async (url, authorization, more = {}) => (await fetch(url, {
  method: 'POST', headers: { authorization }, body: new URLSearchParams({ grant_type: 'client_credentials', ...more }),
})).status

const body = { client_id: 'nightly', client_secret: clients.nightly }
const tries = async (url) => [
  await ask(url, basic('nightly')), await ask(url, basic('nightly', form)), await ask(url, '', body),
  await ask(url, basic('nightly-report')), await ask(url, library('nightly-report')),
]
const seen = { 'oauth2-server': await tries(await listen(app)), 'oidc-provider': await tries(await listen(provider)) }
console.log(`oauth4webapi sends for the ID nightly-report: ${atob(library('nightly-report').slice(6))}`)
console.log('secret as it is | form-encoded | in the body | hyphenated ID as it is | by oauth4webapi')
console.log(seen)
assert.deepEqual(seen, { 'oauth2-server': [200, 401, 200, 200, 401], 'oidc-provider': [400, 200, 200, 200, 200] })
process.exit(0)
JS
node try.mjs
