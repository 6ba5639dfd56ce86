// Waits for objects as those do who install them: `waiter kstatus|flux --timeout DURATION` reads a JSON array of objects.
//
// kstatus: creates the objects one after the other and polls them by kstatus, which kubectl plugins, kpt and Config Sync
// do. flux: applies and waits as Flux's kustomize-controller does. Prints one line of JSON, and exits with 0 whatever
// came of it.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	fluxpolling "github.com/fluxcd/cli-utils/pkg/kstatus/polling"
	"github.com/fluxcd/pkg/ssa"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/cli-utils/pkg/kstatus/polling"
	"sigs.k8s.io/cli-utils/pkg/kstatus/polling/event"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/cli-utils/pkg/object"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

const (
	// More often than Flux itself, which looks every five seconds: no state that lasts a moment is missed.
	interval = 100 * time.Millisecond
	manager  = "waiter"
)

type seen struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Status  string `json:"status"`
	Message string `json:"message"`
}

type result struct {
	Seconds float64 `json:"seconds"`
	// Empty where the wait ended well.
	Error string `json:"error"`
	// As kstatus judges them at the end.
	Objects []seen `json:"objects"`
}

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(how string, arguments []string) error {
	flags := flag.NewFlagSet(how, flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "how the API server is reached")
	timeout := flags.Duration("timeout", time.Minute, "how long to wait")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	var objects []*unstructured.Unstructured
	if err := json.NewDecoder(os.Stdin).Decode(&objects); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 1000, 1000
	reader, mapper, err := connect(config)
	if err != nil {
		return err
	}
	began := time.Now()
	ctx := context.Background()
	var waited error
	if how == "flux" {
		waited, err = byFlux(ctx, reader, mapper, objects, *timeout)
	} else {
		waited, err = byKstatus(ctx, reader, mapper, objects, *timeout)
	}
	if err != nil {
		return err
	}
	answer := result{Seconds: time.Since(began).Seconds()}
	if waited != nil {
		answer.Error = waited.Error()
	}
	if answer.Objects, err = look(ctx, reader, objects); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(answer)
}

func connect(config *rest.Config) (client.Client, meta.RESTMapper, error) {
	http, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, nil, err
	}
	mapper, err := apiutil.NewDynamicRESTMapper(config, http)
	if err != nil {
		return nil, nil, err
	}
	reader, err := client.New(config, client.Options{HTTPClient: http, Mapper: mapper, Scheme: runtime.NewScheme()})
	return reader, mapper, err
}

func byFlux(
	ctx context.Context, reader client.Client, mapper meta.RESTMapper, objects []*unstructured.Unstructured,
	timeout time.Duration,
) (waited, err error) {
	poller := fluxpolling.NewStatusPoller(reader, mapper, fluxpolling.Options{})
	resources := ssa.NewResourceManager(reader, poller, ssa.Owner{Field: manager, Group: "integrationtoken.dev"})
	changes, err := resources.ApplyAllStaged(ctx, objects, ssa.DefaultApplyOptions())
	if err != nil {
		return nil, err
	}
	options := ssa.WaitOptions{Interval: interval, Timeout: timeout, FailFast: true}
	return resources.WaitForSetWithContext(ctx, changes.ToObjMetadataSet(), options), nil
}

func byKstatus(
	ctx context.Context, reader client.Client, mapper meta.RESTMapper, objects []*unstructured.Unstructured,
	timeout time.Duration,
) (waited, err error) {
	for _, each := range objects {
		if err := reader.Patch(ctx, each.DeepCopy(), client.Apply, client.FieldOwner(manager)); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	set := object.UnstructuredSetToObjMetadataSet(objects)
	latest := map[object.ObjMetadata]status.Status{}
	for each := range polling.NewStatusPoller(reader, mapper, polling.Options{}).Poll(ctx, set, polling.PollOptions{
		PollInterval: interval,
	}) {
		if each.Type != event.ResourceUpdateEvent {
			continue
		}
		latest[each.Resource.Identifier] = each.Resource.Status
		if each.Resource.Status == status.FailedStatus {
			return fmt.Errorf("%s is Failed: %s", each.Resource.Identifier.Name, each.Resource.Message), nil
		}
		current := 0
		for _, found := range latest {
			if found == status.CurrentStatus {
				current++
			}
		}
		if current == len(set) {
			return nil, nil
		}
	}
	return fmt.Errorf("timeout waiting for %d objects", len(set)), nil
}

func look(ctx context.Context, reader client.Client, objects []*unstructured.Unstructured) ([]seen, error) {
	var found []seen
	for _, each := range objects {
		stored := each.DeepCopy()
		if err := reader.Get(ctx, client.ObjectKeyFromObject(each), stored); err != nil {
			return nil, err
		}
		judged, err := status.Compute(stored)
		if err != nil {
			return nil, err
		}
		found = append(found, seen{each.GetKind(), each.GetName(), judged.Status.String(), judged.Message})
	}
	return found, nil
}
