#!/usr/bin/env bash
# golang.org/x/oauth2/clientcredentials: until one request has succeeded, each failing one is sent twice, whatever
# failed.
#
# One would guess: the default AuthStyle tries HTTP Basic first, and the body only if the server refuses the client (401
# invalid_client); a 429 or a 503 says nothing about the style and is returned unchanged.
# In fact: any error triggers the second request at once, and the caller only sees the second one's error: here a server
# that only accepts Basic, and limits the rate by user name, seems to call correct credentials `invalid_client`. The
# style is remembered per Config value, once it has worked: a program that creates a Config for each request never
# remembers it.
# For authors of token clients: set AuthStyle, keep the Config. Token servers: expect two attempts where one was
# intended.
set -euo pipefail

tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
cd "$tmp"
export GOMODCACHE="$tmp/modules" GOCACHE="$tmp/cache" GOFLAGS=-mod=mod
printf 'module try\n\ngo 1.26.0\n\nrequire golang.org/x/oauth2 v0.38.0\n' >go.mod

cat >main.go <<'GO'
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

func main() {
	sent, failure := "", 0 // what the server was sent; its status for Basic, 0: a token
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if _, _, basic := r.BasicAuth(); !basic {
			sent += "body "
			w.WriteHeader(401)
			fmt.Fprint(w, `{"error": "invalid_client"}`)
			return
		}
		if sent += "basic "; failure != 0 {
			w.WriteHeader(failure)
			return
		}
		fmt.Fprint(w, `{"access_token": "t", "token_type": "Bearer", "expires_in": 3600}`)
	}))
	defer server.Close()

	try := func(name string, config *clientcredentials.Config, status int, want string) {
		sent, failure = "", status
		_, err := config.Token(context.Background())
		got := sent + "-> a token"
		if refused := new(oauth2.RetrieveError); errors.As(err, &refused) {
			got = fmt.Sprint(sent, "-> ", refused.Response.StatusCode, " ", refused.ErrorCode)
		}
		fmt.Printf("%-40s %s\n", name, got)
		if got != want {
			log.Fatal("this has changed: it was ", want)
		}
	}
	fresh := func(style oauth2.AuthStyle) *clientcredentials.Config {
		return &clientcredentials.Config{ClientID: "reporter", TokenURL: server.URL, AuthStyle: style}
	}
	config := fresh(oauth2.AuthStyleAutoDetect)
	try("first request, 429 to Basic", config, 429, "basic body -> 401 invalid_client")
	try("the same Config again, 503", config, 503, "basic body -> 401 invalid_client")
	try("the same Config, all well", config, 0, "basic -> a token")
	try("the same Config, 429: it has learned", config, 429, "basic -> 429 ")
	try("a new Config, 429", fresh(oauth2.AuthStyleAutoDetect), 429, "basic body -> 401 invalid_client")
	try("a new Config with AuthStyle, 429", fresh(oauth2.AuthStyleInHeader), 429, "basic -> 429 ")
}
GO
go list -m golang.org/x/oauth2
go run .
