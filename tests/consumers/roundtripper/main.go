// Calls an API again and again, with the token that a file holds: `roundtripper FILE`.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	interval, err := time.ParseDuration(os.Getenv("INTERVAL") + "s")
	if err != nil {
		log.Fatal(err)
	}
	client := &http.Client{
		Transport:     MountedToken{os.Args[1]},
		Timeout:       2 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for ; ; time.Sleep(interval) {
		if err := call(client); err != nil {
			log.Print("the call failed: ", err)
		}
	}
}

func call(client *http.Client) error {
	answer, err := client.Get(os.Getenv("API_URL"))
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
