{{/* What the three CustomResourceDefinitions have in common. */}}

{{- define "integration-token-operator.crdMetadata" -}}
labels:
  {{- include "integration-token-operator.labels" . | nindent 2 }}
{{- if or .Values.crds.keep .Values.crds.annotations }}
annotations:
  {{- if .Values.crds.keep }}
  # Deleting a CRD deletes every resource of its kind, and by ownership every Secret with a token.
  helm.sh/resource-policy: keep
  {{- end }}
  {{- with .Values.crds.annotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Short enough a pattern for the CEL rules that use it; Go's smaller units make no sense here. */}}
{{- define "integration-token-operator.durationPattern" -}}
^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h)){1,4}$
{{- end }}

{{- define "integration-token-operator.dnsSubdomainPattern" -}}
^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$
{{- end }}

{{/* The spec of TokenEndpoint, and of ClusterTokenEndpoint less its namespaceSelector. */}}
{{- define "integration-token-operator.endpointProperties" -}}
tokenURL:
  description: >-
    The address that tokens are requested from, for instance https://login.example.com/oauth/token. It must be an
    https URL; an http URL is refused by the condition Ready, unless the operator was installed for trials with
    insecure endpoints. Redirects are not followed.
  type: string
  minLength: 1
  maxLength: 2048
  # One message for one mistake: the later rules leave to the first what isn't a URL at all.
  x-kubernetes-validations:
    - rule: >-
        self.matches('^[!-~]+$') && isURL(self) && url(self).getScheme() in ['https', 'http'] &&
        url(self).getHostname() != ''
      message: must be an https URL with a host and no spaces, such as https://login.example.com/oauth/token
    - rule: "!self.matches('^[^/]*//[^/?#]*@')"
      message: >-
        must not hold a user name or password: put the client ID and secret into the Secret that the
        IntegrationToken names in credentialsSecretRef
    - rule: "!self.contains('#')"
      message: "must not have a fragment: leave out everything from # on"
audience:
  description: >-
    The API that tokens are for, sent as audience. It applies to every IntegrationToken that names none of its own.
    Empty: none is sent.
  type: string
  maxLength: 2048
requestEncoding:
  description: >-
    How the request's body is written: JSON (application/json) or Form (application/x-www-form-urlencoded, as
    RFC 6749 has it). Most servers take Form alone: set it when the endpoint answers invalid_request,
    unsupported_grant_type or 415, or 401 without a word.
  type: string
  enum: [JSON, Form]
  default: JSON
clientAuthenticationMethod:
  description: >-
    How the client proves who it is. ClientSecretPost puts the client ID and secret into the body, ClientSecretBasic
    into the Authorization header. ClientSecretJWT and PrivateKeyJWT send an assertion that is signed with the secret
    or with the private key of the credentials Secret. TLSClientAuth connects with the certificate and key of that
    Secret. ServiceAccountToken sends a token of the ServiceAccount that the IntegrationToken names, and None proves
    nothing. Most servers take only the one that is registered for the client.
  type: string
  enum: [ClientSecretPost, ClientSecretBasic, ClientSecretJWT, PrivateKeyJWT, TLSClientAuth, ServiceAccountToken, None]
  default: ClientSecretPost
basicEncoding:
  description: >-
    What is done to the client ID and secret before ClientSecretBasic joins them: Form encodes them as RFC 6749 has it;
    None leaves them as they are, for servers that decode nothing.
  type: string
  enum: [Form, None]
  default: Form
grant:
  description: >-
    By what right the token is asked for. ClientCredentials: the client asks for itself. TokenExchange (RFC 8693): for
    a token of the ServiceAccount that the IntegrationToken names. JWTBearer (RFC 7523, 2.1): for such a token, or for
    an assertion that is signed with the private key of the credentials Secret.
  type: string
  enum: [ClientCredentials, TokenExchange, JWTBearer]
  default: ClientCredentials
assertion:
  description: What stands in the assertions that are sent, for the methods and grants that send one.
  type: object
  properties:
    audience:
      description: Whom they are for, as one text. Empty, the token URL.
      type: string
      maxLength: 2048
    lifetime:
      description: >-
        How long they are valid, as a duration from 10s to 1h. A ServiceAccount's token is valid for 10m at least.
      type: string
      maxLength: 32
      x-kubernetes-validations:
        - rule: >-
            self.matches('{{ include "integration-token-operator.durationPattern" . }}') &&
            duration(self) >= duration('10s') && duration(self) <= duration('1h')
          message: must be a duration from 10s to 1h, such as 60s
    signingAlgorithm:
      description: >-
        How they are signed. Absent, by what the key is: RS256, ES256, ES384, ES512 or EdDSA, and HS256 with a client
        secret.
      type: string
      enum: [RS256, PS256, ES256, ES384, ES512, EdDSA, HS256, HS384, HS512]
    keyID:
      description: The key's ID at the endpoint, sent as kid. Empty, that of the key where it is a JWK that has one.
      type: string
      maxLength: 256
    subject:
      description: Whom the JWTBearer grant asks a token for, as sub. Empty, the client ID.
      type: string
      maxLength: 256
    claims:
      description: >-
        More claims of the JWTBearer grant's assertion, by name. None of them may be secret.
      type: object
      maxProperties: 32
      additionalProperties:
        type: string
        maxLength: 2048
      x-kubernetes-validations:
        - rule: "!self.exists(name, name in ['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti', ''])"
          message: "must not name iss, sub, aud, exp, iat, nbf or jti: the operator fills them in"
tokenExchange:
  description: What the TokenExchange grant says of the tokens (RFC 8693, section 3).
  type: object
  properties:
    subjectTokenType:
      description: >-
        What the ServiceAccount's token is called. Empty, urn:ietf:params:oauth:token-type:jwt.
      type: string
      maxLength: 256
    requestedTokenType:
      description: What is asked for. Empty, the endpoint chooses.
      type: string
      maxLength: 256
parameters:
  description: >-
    More fields of the request's body, by name. Everyone who may read this resource reads them: none of them may be
    secret.
  type: object
  maxProperties: 32
  additionalProperties:
    type: string
    maxLength: 2048
  x-kubernetes-validations:
    - rule: >-
        !self.exists(name, name in ['grant_type', 'client_id', 'client_secret', 'audience', 'scope',
        'client_assertion', 'client_assertion_type'])
      message: >-
        must not name grant_type, client_id, client_secret, audience, scope, client_assertion or
        client_assertion_type: the operator fills them in from credentialsSecretRef, audience and scopes
    - rule: "!self.exists(name, name == '')"
      message: must not have an empty name
    - rule: self.all(name, name.size() <= 256)
      message: must have names of at most 256 characters
headers:
  description: More headers of the request, by name. Everyone who may read this resource reads them.
  type: object
  maxProperties: 16
  additionalProperties:
    type: string
    maxLength: 2048
headersFrom:
  description: >-
    More headers of the request, by name, each with the key of the credentials Secret that holds its value.
  type: object
  maxProperties: 16
  additionalProperties:
    type: string
    minLength: 1
    maxLength: 253
response:
  description: How the endpoint's answers are read, where they are not as RFC 6749 has them.
  type: object
  properties:
    accessTokenPointer:
      description: >-
        Where the answer holds the token, as a JSON Pointer (RFC 6901). Empty, /access_token.
      type: string
      maxLength: 256
    expiresInPointer:
      description: Where it holds the token's lifetime in seconds. Empty, /expires_in.
      type: string
      maxLength: 256
    tokenType:
      description: >-
        What the endpoint answers as token_type and means Bearer by, such as BearerToken or JWT; case doesn't matter.
        Bearer itself, an empty type and none are always taken for Bearer. Empty: nothing else is. DPoP, MAC and N_A
        are never Bearer tokens.
      type: string
      maxLength: 64
      x-kubernetes-validations:
        - rule: self.matches('^([!-~]([ -~]*[!-~])?)?$')
          message: must be printable ASCII with no space at either end, such as BearerToken
        - rule: "!(self.lowerAscii() in ['dpop', 'mac', 'n_a'])"
          message: must not be DPoP, MAC or N_A, whose tokens are no Bearer tokens
caBundle:
  description: >-
    The certificate authorities that the endpoint's certificate is checked against, as PEM text, instead of the
    system's. Empty: the system's.
  type: string
  # Ample for a bundle of all public authorities, and well below what one object may hold.
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
    How long a token is taken to be valid where the endpoint's answer tells no lifetime and the token is no JWT that
    does, as a duration of at least 30s. Choose it no longer than the endpoint's tokens really live.
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
    How long a token of this endpoint is believed to live at most, as a duration of at least 30s. Where an answer tells
    more, its token is asked for again after this time, and its expiry counts as assumed. Absent: any lifetime is
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
    How long before a token's expiry the endpoint begins to answer with a new one, as far as that is known, as a
    duration of at most 720h. It is where learning starts: what the endpoint's answers show counts more. Absent: it is
    learned alone.
  type: string
  maxLength: 32
  x-kubernetes-validations:
    - rule: >-
        self.matches('{{ include "integration-token-operator.durationPattern" . }}') &&
        duration(self) <= duration('720h')
      message: must be a duration of at most 720h, such as 1h or 5m
rateLimit:
  description: >-
    How often the endpoint may be asked, for all IntegrationTokens that use it together. Who has to wait has the
    reason RateLimited.
  type: object
  default: {}
  properties:
    requestsPerMinute:
      description: Token requests in a minute, from 1 to 100000.
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
What waits for a resource (helm --wait, Flux, kubectl) takes one without a status for done; with this one, for one that
nobody has looked at yet.
*/}}
{{- define "integration-token-operator.statusDefault" -}}
default:
  observedGeneration: 0
{{- end }}

{{/* Of both kinds of endpoints beside those. */}}
{{- define "integration-token-operator.endpointStatusProperties" -}}
host:
  description: The host of tokenURL, with its port where that is not 443.
  type: string
{{- end }}

{{/* The status fields of all three kinds; conditions are as in metav1.Condition. */}}
{{- define "integration-token-operator.statusProperties" -}}
observedGeneration:
  description: The metadata.generation that this status is about; a smaller one tells that a change is still to be seen.
  type: integer
  format: int64
  minimum: 0
conditions:
  description: What holds at present, one entry for each type.
  type: array
  x-kubernetes-list-type: map
  x-kubernetes-list-map-keys: [type]
  items:
    type: object
    required: [type, status, lastTransitionTime, reason, message]
    properties:
      type:
        description: What the condition is about.
        type: string
        maxLength: 316
        pattern: ^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$
      status:
        description: Whether it holds.
        type: string
        enum: ["True", "False", Unknown]
      observedGeneration:
        description: The metadata.generation that the condition is about.
        type: integer
        format: int64
        minimum: 0
      lastTransitionTime:
        description: When the status last changed.
        type: string
        format: date-time
      reason:
        description: Why, in one word that programs may rely on.
        type: string
        minLength: 1
        maxLength: 1024
        pattern: ^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$
      message:
        description: Why, and what to do, for people. Empty where there is nothing to say.
        type: string
        maxLength: 32768
{{- end }}
