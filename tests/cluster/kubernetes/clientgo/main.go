// Calls an API as client-go does for a kubeconfig, again and again: `clientgo KUBECONFIG`.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	interval, err := time.ParseDuration(os.Getenv("INTERVAL") + "s")
	if err != nil {
		log.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		log.Fatal(err)
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
