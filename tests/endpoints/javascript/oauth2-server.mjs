// @node-oauth/oauth2-server behind express, with the harness's clients: node oauth2-server.mjs PORT
import OAuth2Server from '@node-oauth/oauth2-server'
import express from 'express'
import { clients, manage } from './clients.mjs'

const server = new OAuth2Server({
  model: {
    async getClient(id, secret) {
      const client = clients.get(id)
      return client?.secret === secret && {
        id,
        grants: client.granted ? ['client_credentials'] : ['authorization_code'],
        accessTokenLifetime: client.lifetime,
        scopes: client.scopes,
      }
    },
    async getUserFromClient() {
      return {}
    },
    async validateScope(user, client, scopes = []) {
      return scopes.every((scope) => client.scopes.includes(scope)) && scopes
    },
    async saveToken(token, client, user) {
      return { ...token, client, user } // nobody introspects it
    },
  },
})

const app = express()
app.use((request, response, next) => manage(request, response) || next())
app.post('/oauth/token', express.urlencoded({ extended: false }), async (request, response) => {
  const answer = new OAuth2Server.Response(response)
  try {
    await server.token(new OAuth2Server.Request(request), answer)
  } catch {
    // The response has it.
  }
  response.set(answer.headers).status(answer.status).send(answer.body)
})
app.listen(Number(process.argv[2]), '127.0.0.1')
