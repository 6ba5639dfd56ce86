// Calls the API with the token that the mounted file holds at the moment of the call.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

// Transport adds the token to every request of an http.Client.
type Transport struct{ File string }

func (t Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	// Read for every call: that costs microseconds, and a renewed token is used at once.
	authorization, err := os.ReadFile(t.File)
	if err != nil {
		return nil, err
	}
	request = request.Clone(request.Context()) // a RoundTripper must not change what it was given
	request.Header.Set("Authorization", string(authorization))
	return http.DefaultTransport.RoundTrip(request)
}

var client = &http.Client{Transport: Transport{"/var/run/integration/authorization"}, Timeout: 10 * time.Second}

func call(url string) error {
	answer, err := client.Get(url)
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
