// Calls the API with the token that the mounted file holds at the moment of the call.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"
)

const file = "/var/run/integration/authorization"

var client = &http.Client{
	Timeout: 10 * time.Second, // the body included
	// A redirect counts as a failed call: followed, it could take the token elsewhere.
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func call(url string) error {
	// Read for every call: that costs microseconds, and a renewed token is used at once.
	authorization, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", strings.TrimSpace(string(authorization)))
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the API answered %s", answer.Status)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

func main() {
	interval, err := time.ParseDuration(os.Getenv("INTERVAL") + "s")
	if err != nil {
		log.Fatal(err)
	}
	for ; ; time.Sleep(interval) {
		if err := call(os.Getenv("API_URL")); err != nil {
			log.Print("the call failed: ", err)
		}
	}
}
