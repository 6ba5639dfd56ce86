package main

import (
	"net/http"
	"os"
	"strings"
)

type MountedToken struct{ File string }

func (token MountedToken) RoundTrip(request *http.Request) (*http.Response, error) {
	authorization, err := os.ReadFile(token.File)
	if os.IsNotExist(err) { // just being exchanged: there again at once
		authorization, err = os.ReadFile(token.File)
	}
	if err != nil {
		return nil, err
	}
	request = request.Clone(request.Context()) // the caller's own stays as it is
	request.Header.Set("Authorization", strings.TrimSpace(string(authorization)))
	return http.DefaultTransport.RoundTrip(request)
}
