// oidc-provider with the harness's clients: node oidc-provider.mjs PORT ISSUER API SCOPE...
import { X509Certificate } from 'node:crypto'
import { createServer } from 'node:http'
import Provider, { errors } from 'oidc-provider'
import { clients, manage } from './clients.mjs'

const [port, issuer, api, ...scopes] = process.argv.slice(2)

// Where the provider looks up clients; the rest of its storage, such as tokens, doesn't matter here.
class Store {
  constructor(kind) {
    this.kind = kind
  }

  async find(id) {
    const client = this.kind === 'Client' ? clients.get(id) : undefined
    return client && {
      client_id: client.id,
      client_secret: client.secret,
      grant_types: client.granted ? ['client_credentials'] : [],
      redirect_uris: [],
      response_types: [],
      scope: client.scopes.join(' ') || undefined,
      token_endpoint_auth_method: client.method,
      token_endpoint_auth_signing_alg: { private_key_jwt: 'RS256', client_secret_jwt: 'HS256' }[client.method],
      jwks: client.key && { keys: [client.key] },
      tls_client_auth_subject_dn: client.subject,
    }
  }

  async upsert() {}

  async consume() {}

  async destroy() {}
}

// The client's certificate from the front (RFC 9440).
function certificate(ctx) {
  const [, der] = ctx.get('client-cert').match(/^:(.+):$/) ?? []
  return der && new X509Certificate(Buffer.from(der, 'base64'))
}

const provider = new Provider(issuer, {
  adapter: Store,
  clientAuthMethods: [
    'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'tls_client_auth',
  ],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo(ctx, indicator) {
        if (indicator !== api) {
          throw new errors.InvalidTarget()
        }
        return { scope: scopes.join(' '), accessTokenFormat: 'jwt' }
      },
    },
    mTLS: {
      enabled: true,
      tlsClientAuth: true,
      getCertificate: certificate,
      certificateAuthorized: (ctx) => certificate(ctx) !== undefined, // the front passes on no others
      // Node.js has one name per line, RFC 4514 the reverse order.
      certificateSubjectMatches: (ctx, property, expected) =>
        certificate(ctx).subject.split('\n').reverse().join(',') === expected,
    },
  },
  scopes,
  ttl: { ClientCredentials: (ctx, token, client) => clients.get(client.clientId).lifetime },
})
provider.proxy = true // the front's X-Forwarded-Proto says that the request used TLS
const serve = provider.callback()
createServer((request, response) => manage(request, response) || serve(request, response)).listen(port, '127.0.0.1')
