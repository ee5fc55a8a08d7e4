"""Who may do what: tokens and their scopes, owners of sessions, TLS, and what browsers may ask.

Rules (pure, `now` a parameter): `scopes`, `caller`, `jwks`, `claims`, `clients`, `grants`,
`failure_limit`. Shells: `key_source` fetches keys, `verifier` checks tokens, `authentication`
stands in front of every handler, `token_endpoint` issues tokens to the clients of a small
deployment, `tls` and `signing_key` read files, `cors` answers browsers.

Nothing here knows a resource of 3GPP beyond the session that it belongs to, and no handler knows a
token: it sees a `Caller`.
"""
