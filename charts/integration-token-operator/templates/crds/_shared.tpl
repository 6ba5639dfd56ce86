{{/* Shared parts of the three CustomResourceDefinitions. */}}

{{- define "integration-token-operator.crdMetadata" -}}
labels:
  {{- include "integration-token-operator.labels" . | nindent 2 }}
{{- if or .Values.crds.keep .Values.crds.annotations }}
annotations:
  {{- if .Values.crds.keep }}
  # Deleting a CRD deletes every resource of its kind, and through ownership every Secret with a token.
  helm.sh/resource-policy: keep
  {{- end }}
  {{- with .Values.crds.annotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Kept short for the CEL rules that use it; Go's smaller units make no sense here. */}}
{{- define "integration-token-operator.durationPattern" -}}
^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h)){1,4}$
{{- end }}

{{- define "integration-token-operator.dnsSubdomainPattern" -}}
^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$
{{- end }}

{{/* The API server's rule for names of Secrets, ServiceAccounts and our own kinds; the dict says what is named. */}}
{{- define "integration-token-operator.nameRule" -}}
- rule: self.matches('{{ include "integration-token-operator.dnsSubdomainPattern" . }}')
  message: >-
    must be {{ .what }} name: lower-case letters, digits, '-' and '.', with a letter or digit at both ends
{{- end }}

{{/* For headers and headersFrom. */}}
{{- define "integration-token-operator.headerNameRules" -}}
# RFC 9110, 5.1 and 5.6.2.
- rule: self.all(name, name.matches('^[-A-Za-z0-9!#$%&\\x27*+.^_\\x60|~]{1,256}$'))
  message: "must have names of at most 256 letters, digits, '-', '_' and '.', such as X-Tenant"
- rule: >-
    !self.exists(name, name.matches('(?i)^(host|authorization|transfer-encoding|connection|cookie|expect|accept-encoding|(content|proxy)-.*)$'))
  message: >-
    must not name Host, Authorization, Content-*, Transfer-Encoding, Connection, Cookie, Proxy-*, Expect or
    Accept-Encoding: the operator or the connection sets them
- rule: self.all(name, self.exists_one(other, other.lowerAscii() == name.lowerAscii()))
  message: "must not name a header twice: names are case-insensitive"
{{- end }}

{{/* For both pointers. */}}
{{- define "integration-token-operator.pointerRule" -}}
- rule: self.matches('^(/([^~/]|~[01])*){0,8}$')
  message: >-
    must be a JSON Pointer of at most 8 steps, each after a slash, such as /data/access_token; within one, ~ is
    written ~0 and / is written ~1
{{- end }}

{{/* For an endpoint's spec: combinations that make no sense. */}}
{{- define "integration-token-operator.endpointRules" -}}
- rule: self.basicEncoding != 'None' || self.clientAuthenticationMethod == 'ClientSecretBasic'
  fieldPath: .basicEncoding
  message: "None is only for ClientSecretBasic: leave it out, or set clientAuthenticationMethod"
- rule: self.clientAuthenticationMethod != 'TLSClientAuth' || !isURL(self.tokenURL) || url(self.tokenURL).getScheme() == 'https'
  fieldPath: .tokenURL
  message: must be an https URL for TLSClientAuth, which authenticates the client with a TLS certificate
- rule: >-
    !has(self.assertion) || self.clientAuthenticationMethod in ['ClientSecretJWT', 'PrivateKeyJWT', 'ServiceAccountToken']
    || self.grant != 'ClientCredentials'
  fieldPath: .assertion
  message: >-
    is only for methods and grants that send an assertion: ClientSecretJWT, PrivateKeyJWT, ServiceAccountToken,
    TokenExchange and JWTBearer; leave it out, or set clientAuthenticationMethod or grant
- rule: >-
    !has(self.assertion) || !(has(self.assertion.signingAlgorithm) || has(self.assertion.keyID) && self.assertion.keyID != '')
    || self.clientAuthenticationMethod in ['ClientSecretJWT', 'PrivateKeyJWT'] || self.grant == 'JWTBearer'
  fieldPath: .assertion
  message: >-
    must not have signingAlgorithm or keyID unless the operator signs the assertion, which it does for
    ClientSecretJWT, PrivateKeyJWT and JWTBearer
- rule: >-
    !has(self.assertion) || !has(self.assertion.signingAlgorithm)
    || self.assertion.signingAlgorithm.startsWith('HS') == (self.clientAuthenticationMethod == 'ClientSecretJWT')
  fieldPath: .assertion.signingAlgorithm
  message: >-
    HS256, HS384 and HS512 are only for ClientSecretJWT, which supports no other: set another algorithm, or none
- rule: >-
    self.grant == 'JWTBearer' || !has(self.assertion) || !(has(self.assertion.subject) && self.assertion.subject != ''
    || has(self.assertion.claims) && size(self.assertion.claims) > 0)
  fieldPath: .assertion
  message: "must have subject and claims only with the grant JWTBearer: leave them out, or set grant"
- rule: "!has(self.tokenExchange) || self.grant == 'TokenExchange'"
  fieldPath: .tokenExchange
  message: "is only for the grant TokenExchange: leave it out, or set grant"
- rule: >-
    self.grant != 'TokenExchange' || !['subject_token', 'subject_token_type', 'requested_token_type'].exists(name,
    has(self.parameters) && name in self.parameters || has(self.repeatedParameters) && name in self.repeatedParameters)
  fieldPath: .parameters
  message: >-
    must not name subject_token, subject_token_type or requested_token_type with the grant TokenExchange: the operator
    sets them from serviceAccountRef and tokenExchange
- rule: >-
    self.grant != 'JWTBearer' || !(has(self.parameters) && 'assertion' in self.parameters
    || has(self.repeatedParameters) && 'assertion' in self.repeatedParameters)
  fieldPath: .parameters
  message: "must not name assertion with the grant JWTBearer: the operator creates it"
- rule: >-
    !has(self.parameters) || !has(self.repeatedParameters) || self.parameters.all(name, !(name in self.repeatedParameters))
  fieldPath: .repeatedParameters
  message: "must not name a field that parameters also names: put all its values here"
- rule: >-
    !has(self.headers) || !has(self.headersFrom)
    || self.headers.all(name, self.headersFrom.all(other, other.lowerAscii() != name.lowerAscii()))
  fieldPath: .headersFrom
  message: "must not name a header that headers also names: remove it from one of them"
{{- end }}

{{/* For parameters and repeatedParameters. */}}
{{- define "integration-token-operator.parameterNameRules" -}}
- rule: >-
    !self.exists(name, name in ['grant_type', 'client_id', 'client_secret', 'audience', 'scope',
    'client_assertion', 'client_assertion_type'])
  message: >-
    must not name grant_type, client_id, client_secret, audience, scope, client_assertion or client_assertion_type:
    the operator sets them from credentialsSecretRef, audience and scopes
- rule: "!self.exists(name, name == '')"
  message: must not have an empty name
- rule: self.all(name, name.size() <= 256)
  message: must have names of at most 256 characters
{{- end }}

{{/* The spec of TokenEndpoint, and of ClusterTokenEndpoint without its own fields. */}}
{{- define "integration-token-operator.endpointProperties" -}}
tokenURL:
  description: >-
    The URL that tokens are requested from, for example https://login.example.com/oauth/token. It must be an https
    URL; with an http URL the condition Ready is False, unless insecure endpoints were enabled for trials. Redirects
    are not followed.
  type: string
  minLength: 1
  maxLength: 2048
  # One message per mistake: the later rules pass whatever is not a URL at all.
  x-kubernetes-validations:
    - rule: >-
        self.matches('^[!-~]+$') && isURL(self) && url(self).getScheme() in ['https', 'http'] &&
        url(self).getHostname() != ''
      message: must be an https URL with a host and no spaces, such as https://login.example.com/oauth/token
    - rule: "!self.matches('^[^/]*//[^/?#]*@')"
      message: >-
        must not contain a user name or password: put the client ID and secret into the Secret that the
        IntegrationToken references in credentialsSecretRef
    - rule: "!self.contains('#')"
      message: "must not have a fragment: remove everything from # on"
audience:
  description: >-
    The API that tokens are for, sent as audience. Used by every IntegrationToken that sets no audience of its own. If
    empty, none is sent.
  type: string
  maxLength: 2048
requestEncoding:
  description: >-
    The encoding of the request body: JSON (application/json) or Form (application/x-www-form-urlencoded, as in RFC
    6749). Most servers accept only Form: set it if the endpoint answers invalid_request, unsupported_grant_type or
    415, or 401 without an explanation.
  type: string
  enum: [JSON, Form]
  default: JSON
clientAuthenticationMethod:
  description: >-
    How the client authenticates. ClientSecretPost puts the client ID and secret into the body, ClientSecretBasic into
    the Authorization header. ClientSecretJWT and PrivateKeyJWT send an assertion signed with the secret or with the
    private key from the credentials Secret. TLSClientAuth connects with the certificate and key from that Secret.
    ServiceAccountToken sends a token of the ServiceAccount that the IntegrationToken references, and None sends
    nothing. Most servers accept only the method that is registered for the client.
  type: string
  enum: [ClientSecretPost, ClientSecretBasic, ClientSecretJWT, PrivateKeyJWT, TLSClientAuth, ServiceAccountToken, None]
  default: ClientSecretPost
basicEncoding:
  description: >-
    How ClientSecretBasic encodes the client ID and secret before it joins them: Form encodes them as in RFC 6749;
    None leaves them unchanged, for servers that do not decode them.
  type: string
  enum: [Form, None]
  default: Form
grant:
  description: >-
    The grant type of the token request. ClientCredentials: the client asks on its own behalf. TokenExchange (RFC
    8693): exchanges a token of the ServiceAccount that the IntegrationToken references. JWTBearer (RFC 7523, 2.1):
    sends such a token, or an assertion signed with the private key from the credentials Secret.
  type: string
  enum: [ClientCredentials, TokenExchange, JWTBearer]
  default: ClientCredentials
assertion:
  description: The content of assertions, for the methods and grants that send one.
  type: object
  properties:
    audience:
      description: The audience of the assertions, as a single string. If empty, the token URL.
      type: string
      maxLength: 2048
    lifetime:
      description: >-
        How long assertions are valid, as a duration from 10s to 1h. A ServiceAccount's token is valid for at least
        10m.
      type: string
      maxLength: 32
      x-kubernetes-validations:
        - rule: >-
            self.matches('{{ include "integration-token-operator.durationPattern" . }}') &&
            duration(self) >= duration('10s') && duration(self) <= duration('1h')
          message: must be a duration from 10s to 1h, such as 60s
    signingAlgorithm:
      description: >-
        The signing algorithm. If not set, it depends on the key: RS256, ES256, ES384, ES512 or EdDSA, and HS256 for a
        client secret.
      type: string
      enum: [RS256, PS256, ES256, ES384, ES512, EdDSA, HS256, HS384, HS512]
    keyID:
      description: The key's ID at the endpoint, sent as kid. If empty, the kid of the key if it is a JWK that has one.
      type: string
      maxLength: 256
    subject:
      description: The subject that the JWTBearer grant requests a token for, sent as sub. If empty, the client ID.
      type: string
      maxLength: 256
    claims:
      description: Additional claims of the JWTBearer grant's assertion, by name. They must not contain secrets.
      type: object
      maxProperties: 32
      additionalProperties:
        type: string
        maxLength: 2048
      x-kubernetes-validations:
        - rule: "!self.exists(name, name in ['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti', ''])"
          message: "must not name iss, sub, aud, exp, iat, nbf or jti: the operator sets them"
tokenExchange:
  description: Token types for the TokenExchange grant (RFC 8693, section 3).
  type: object
  properties:
    subjectTokenType:
      description: The type of the ServiceAccount's token. If empty, urn:ietf:params:oauth:token-type:jwt.
      type: string
      maxLength: 256
    requestedTokenType:
      description: The type of the requested token. If empty, the endpoint chooses.
      type: string
      maxLength: 256
parameters:
  description: >-
    Additional fields of the request body, by name. They must not contain secrets: everyone who can read this resource
    can read them.
  type: object
  maxProperties: 32
  additionalProperties:
    type: string
    maxLength: 2048
  x-kubernetes-validations:
    {{- include "integration-token-operator.parameterNameRules" . | nindent 4 }}
repeatedParameters:
  description: >-
    Additional fields with several values each: Form repeats the field, such as resource (RFC 8707); JSON sends a
    list.
  type: object
  maxProperties: 16
  additionalProperties:
    type: array
    minItems: 1
    maxItems: 16
    x-kubernetes-list-type: atomic
    items:
      type: string
      maxLength: 2048
  x-kubernetes-validations:
    {{- include "integration-token-operator.parameterNameRules" . | nindent 4 }}
headers:
  description: >-
    Additional headers of the request, by name. They must not contain secrets: everyone who can read this resource can
    read them.
  type: object
  maxProperties: 16
  additionalProperties:
    type: string
    maxLength: 2048
    x-kubernetes-validations:
      - rule: self.matches('^[!-~]([ -~]*[!-~])?$')
        message: must be printable ASCII with no space at either end
  x-kubernetes-validations:
    {{- include "integration-token-operator.headerNameRules" . | nindent 4 }}
headersFrom:
  description: >-
    Additional headers of the request, by name, each with the key of the credentials Secret that holds its value.
  type: object
  maxProperties: 16
  additionalProperties:
    type: string
    minLength: 1
    maxLength: 253
  x-kubernetes-validations:
    {{- include "integration-token-operator.headerNameRules" . | nindent 4 }}
response:
  description: How to read the endpoint's responses, if they differ from RFC 6749.
  type: object
  properties:
    accessTokenPointer:
      description: Where the response holds the token, as a JSON Pointer (RFC 6901). If empty, /access_token.
      type: string
      maxLength: 256
      x-kubernetes-validations:
        {{- include "integration-token-operator.pointerRule" . | nindent 8 }}
    expiresInPointer:
      description: Where the response holds the token's lifetime in seconds. If empty, /expires_in.
      type: string
      maxLength: 256
      x-kubernetes-validations:
        {{- include "integration-token-operator.pointerRule" . | nindent 8 }}
    tokenType:
      description: >-
        The endpoint's own token_type for Bearer tokens, such as BearerToken or JWT; case-insensitive. Bearer and an
        empty or missing type are always accepted. If empty, no other type is. DPoP, MAC and N_A are never Bearer
        tokens.
      type: string
      maxLength: 64
      x-kubernetes-validations:
        - rule: self.matches('^([!-~]([ -~]*[!-~])?)?$')
          message: must be printable ASCII with no space at either end, such as BearerToken
        - rule: "!(self.lowerAscii() in ['dpop', 'mac', 'n_a'])"
          message: must not be DPoP, MAC or N_A, which are not Bearer tokens
caBundle:
  description: >-
    The certificate authorities to verify the endpoint's certificate with, as PEM text, instead of the system's. If
    empty, the system's.
  type: string
  # Ample for a bundle of all public authorities, and well below the limit for an object.
  maxLength: 524288
  x-kubernetes-validations:
    - rule: self == '' || self.contains('-----BEGIN CERTIFICATE-----')
      message: "must be PEM text with at least one block that starts with -----BEGIN CERTIFICATE-----"
timeout:
  description: How long one request may take, as a duration from 1s to 60s.
  type: string
  maxLength: 32
  default: 10s
  x-kubernetes-validations:
    - rule: >-
        self.matches('{{ include "integration-token-operator.durationPattern" . }}') &&
        duration(self) >= duration('1s') && duration(self) <= duration('60s')
      message: must be a duration from 1s to 60s, such as 10s
defaultLifetime:
  description: >-
    The lifetime to assume if neither the endpoint's response nor a JWT states one, as a duration of at least 30s. Set
    it no longer than the endpoint's tokens really live.
  type: string
  maxLength: 32
  default: 1h
  x-kubernetes-validations:
    - rule: >-
        self.matches('{{ include "integration-token-operator.durationPattern" . }}') &&
        duration(self) >= duration('30s')
      message: must be a duration of at least 30s, such as 1h or 1h30m
maximumLifetime:
  description: >-
    The longest lifetime that is believed of this endpoint's tokens, as a duration of at least 30s. If a response
    states more, the token is requested again after this time, and its expiry is assumed. If not set, any lifetime is
    believed.
  type: string
  maxLength: 32
  x-kubernetes-validations:
    - rule: >-
        self.matches('{{ include "integration-token-operator.durationPattern" . }}') &&
        duration(self) >= duration('30s')
      message: must be a duration of at least 30s, such as 24h or 1h30m
rolloverLead:
  description: >-
    How long before a token's expiry the endpoint starts to return a new one, if known, as a duration of at most 720h.
    Learning starts from it, and what the endpoint's responses show takes precedence. If not set, it is only learned.
  type: string
  maxLength: 32
  x-kubernetes-validations:
    - rule: >-
        self.matches('{{ include "integration-token-operator.durationPattern" . }}') &&
        duration(self) <= duration('720h')
      message: must be a duration of at most 720h, such as 1h or 5m
rateLimit:
  description: >-
    How often the endpoint may be asked, for all IntegrationTokens that use it together. Those that wait have the
    reason RateLimited.
  type: object
  default: {}
  properties:
    requestsPerMinute:
      description: Token requests per minute, from 1 to 100000.
      type: integer
      format: int32
      minimum: 1
      maximum: 100000
      default: 60
{{- end }}

{{- define "integration-token-operator.endpointColumns" -}}
- name: Ready
  type: string
  jsonPath: .status.conditions[?(@.type=="Ready")].status
- name: Host
  type: string
  jsonPath: .status.host
- name: Age
  type: date
  jsonPath: .metadata.creationTimestamp
- name: Message
  type: string
  priority: 1
  jsonPath: .status.conditions[?(@.type=="Ready")].message
{{- end }}

{{/*
Tools that wait for a resource (helm --wait, Flux, kubectl) consider one without a status as done; with this default they
wait until the operator has handled it.
*/}}
{{- define "integration-token-operator.statusDefault" -}}
default:
  observedGeneration: 0
{{- end }}

{{/* Additional status fields of both kinds of endpoints. */}}
{{- define "integration-token-operator.endpointStatusProperties" -}}
host:
  description: The host of tokenURL, with its port unless that is 443.
  type: string
{{- end }}

{{/* Status fields of all three kinds; conditions are metav1.Condition. */}}
{{- define "integration-token-operator.statusProperties" -}}
observedGeneration:
  description: The metadata.generation that this status is for; if it is smaller, a change has not been handled yet.
  type: integer
  format: int64
  minimum: 0
conditions:
  description: The current conditions, one for each type.
  type: array
  x-kubernetes-list-type: map
  x-kubernetes-list-map-keys: [type]
  items:
    type: object
    required: [type, status, lastTransitionTime, reason, message]
    properties:
      type:
        description: The type of the condition.
        type: string
        maxLength: 316
        pattern: ^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$
      status:
        description: Whether the condition holds.
        type: string
        enum: ["True", "False", Unknown]
      observedGeneration:
        description: The metadata.generation that the condition is for.
        type: integer
        format: int64
        minimum: 0
      lastTransitionTime:
        description: When the condition's status last changed.
        type: string
        format: date-time
      reason:
        description: The reason, as a single word that programs may rely on.
        type: string
        minLength: 1
        maxLength: 1024
        pattern: ^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$
      message:
        description: The reason and what to do, for people. Empty if there is nothing to say.
        type: string
        maxLength: 32768
{{- end }}
