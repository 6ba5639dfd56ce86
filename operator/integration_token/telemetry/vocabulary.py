"""Words that reveal nothing about a secret: what every token endpoint says, and what cannot be a credential by its
shape.

A secret such as `my-client-credentials-secret` shares words with half of all error messages. Removing them would remove
what helps, and would even reveal that the secret contains them. So they stay, unless they are most of a secret
(:meth:`~integration_token.telemetry.disclosure.Secrets.is_mostly`).
"""

import re

LONGEST = 32
"""Letters of adjacent words that may stay although a secret contains them: `token_endpoint_auth_method` has 23. More
would be a phrase, which is no longer common."""

_PUBLIC = """
access_denied access_token active_token actor_token actor_token_type assertion audience authorization authorization_code
bearer client client_assertion client_assertion_type client_credentials client_id client_secret client_secret_basic
client_secret_post code consent_required error error_description error_uri expires_in expired_token grant_type
id_token insufficient_scope interaction_required invalid_client invalid_grant invalid_request invalid_scope
invalid_target invalid_token issued_token_type login_required nonce none password private_key_jwt
redirect_uri refresh_token registration_required request_not_supported request_uri requested_token_type resource
response_type scope server_error state subject_token subject_token_type temporarily_unavailable tls_client_auth
token token_endpoint token_endpoint_auth_method token_type unauthorized_client unsupported_grant_type
unsupported_response_type unsupported_token_type user username
"""
"""Names from RFC 6749, 7521, 7523, 7662, 8693, 8705 and 8707, and from IANA's registry "OAuth Parameters"."""

_HTTP = """
accept accepted allowed application bad basic body charset conflict content content-type entity form forbidden found
gateway gone header html http https internal json length location many media method moved multipart permanently
post precondition proxy query range redirect required retry status temporary text timeout too type unavailable
unprocessable unsupported upgrade uri url urlencoded utf www x-www-form-urlencoded xml
"""
"""Field names, media types and reason phrases of RFC 9110, and of the media type of HTML forms."""

_KUBERNETES = """
account accounts admission annotation annotations binding cluster config create delete exceeded field forbidden get
group immutable kubernetes label labels limit limits list map mutating namespace namespaces object operator patch pod
pods policies policy quota range resource resources role secret secrets service system update user validating watch
webhook
"""
"""Words of kinds, verbs and refusals of the API server and its admission."""

_SPOKEN = """
a action after all already although an and any api applications are as at authenticate authenticated authenticating
authentication authorized be been before but by can cannot check claim claims clients com configure configured contact
could credential database default disabled does duplicate duplicated empty enabled encoding endpoints exist exists
expected failed failure following for format from given grants has have host if included includes incorrect info
integration into io is issuer it its malformed matching may mechanism message mismatch missing more multiple must name
needs net no of on once one only or org other otherwise parameter parameters permission permissions platform please
port production project provide provided public read registered rejected repeats reported requests retrieve sandbox
scopes services should since so staging support supports tenant test than that the this to tokens try types unable
unexpected unknown unrecognized use used using validate validation value values version via was when which while with
without write you your
"""
"""English used in error descriptions by those RFCs and by servers, and words common in names of clients and hosts."""

TERMS = frozenset(re.split(r"[\s_-]+", f"{_PUBLIC} {_HTTP} {_KUBERNETES} {_SPOKEN}".strip()))
"""In lower case. A secret that consists only of these is a poor one; it is still removed if most of it would be
shown."""

_PIECE = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_WORDS = re.compile(r"[A-Za-z \n_./:=,;()'\"-]*")
"""No digits, which no word has, and nothing that could encode something else."""

_PART = "|".join(
    rf"{part}(?![A-Za-z0-9%])"
    for part in (
        "[a-z]{1,30}[0-9]{0,4}",  # parameter, oauth2
        "[a-z]{0,30}(?:[A-Z]{1,6}[a-z]{2,30}){1,6}(?:[A-Z]{2,6})?[0-9]{0,4}",  # Capital, camelCase, OAuth, AppURL
        "[A-Z]{1,15}[0-9]{0,4}",
        "[0-9]{1,4}",
        "[a-z][0-9]{1,2}[a-z]",  # k8s
        "v[0-9]{1,2}(?:alpha|beta)[0-9]{1,2}",
    )
)
_WORDING = re.compile(rf"[^A-Za-z0-9%]*+(?:(?>{_PART})[^A-Za-z0-9%]*+)+")
_UNSPEAKABLE = re.compile("[bcdfghjklmnpqrstvwxz]{6}", re.IGNORECASE)
_LETTER, _DIGIT = re.compile("[A-Za-z]"), re.compile("[0-9]")


def is_public(text: str) -> bool:
    """Whether the text consists of whole common words, and not too many of them."""
    if not _WORDS.fullmatch(text):
        return False
    pieces = _PIECE.findall(text)
    return 0 < sum(map(len, pieces)) <= LONGEST and all(piece.lower() in TERMS for piece in pieces)


def is_wording(run: str) -> bool:
    """Whether a long ASCII text without a space consists of words, like URLs, media types and names of fields or kinds,
    and unlike tokens: in random letters and digits, small letters, capitals and digits alternate all the time."""
    return (
        _WORDING.fullmatch(run) is not None
        and _UNSPEAKABLE.search(run) is None
        # Names may contain numbers, but do not consist of them.
        and len(_LETTER.findall(run)) >= 3 * len(_DIGIT.findall(run))
    )
