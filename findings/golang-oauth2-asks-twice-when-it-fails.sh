#!/usr/bin/env bash
# golang.org/x/oauth2/clientcredentials: until one request has succeeded, each failing one is sent twice, whatever
# failed.
#
# One would guess: the default AuthStyle, auto-detect, tries HTTP Basic first, and the body only if the server refuses
# the client (401 invalid_client); a 429 or a 503 says nothing about the style and is returned as it is.
# In fact: any error makes it send the second request at once, Retry-After or not. The caller sees the second one's
# error alone, so "slow down" turns into whatever the server makes of credentials in the body: here a server that takes
# Basic only, and limits the rate by its user name, seems to call right credentials `invalid_client`. The style is
# remembered per Config value, once it has worked: a program that builds a Config for each request never learns it.
# For whoever builds a token client: set AuthStyle, and keep the Config. Token servers: expect two attempts where one
# was meant.
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
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

func main() {
	var sent []string
	failure := 0 // the status that the server answers to Basic; 0: a token
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if _, _, basic := r.BasicAuth(); !basic {
			sent = append(sent, "body")
			w.WriteHeader(401)
			fmt.Fprint(w, `{"error": "invalid_client"}`)
			return
		}
		sent = append(sent, "basic")
		if failure != 0 {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(failure)
			return
		}
		fmt.Fprint(w, `{"access_token": "t", "token_type": "Bearer", "expires_in": 3600}`)
	}))
	defer server.Close()

	try := func(name string, config *clientcredentials.Config, status int, want string) {
		sent, failure = nil, status
		_, err := config.Token(context.Background())
		told := "a token"
		if refused := new(oauth2.RetrieveError); errors.As(err, &refused) {
			told = strings.TrimSpace(fmt.Sprint(refused.Response.StatusCode, " ", refused.ErrorCode))
		}
		got := strings.Join(sent, ", ") + " -> " + told
		fmt.Printf("%-40s %s\n", name, got)
		if got != want {
			log.Fatal("this has changed: it was ", want)
		}
	}
	auto := func() *clientcredentials.Config {
		return &clientcredentials.Config{ClientID: "reporter", ClientSecret: "opensesame", TokenURL: server.URL}
	}
	config := auto()
	try("first request, 429 to Basic", config, 429, "basic, body -> 401 invalid_client")
	try("the same Config again, 503", config, 503, "basic, body -> 401 invalid_client")
	try("the same Config, all well", config, 0, "basic -> a token")
	try("the same Config, 429: it has learned", config, 429, "basic -> 429")
	try("a new Config for the same client, 429", auto(), 429, "basic, body -> 401 invalid_client")
	stated := auto()
	stated.AuthStyle = oauth2.AuthStyleInHeader
	try("a new Config with AuthStyle, 429", stated, 429, "basic -> 429")
}
GO
go mod tidy >/dev/null 2>&1
go list -m golang.org/x/oauth2
go run .
