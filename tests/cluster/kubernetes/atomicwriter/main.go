// Writes the files of a mounted Secret by the kubelet's own code: each line on stdin is a directory and all files that it
// is to have, and is answered with a line once they are there.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"k8s.io/kubernetes/pkg/volume/util"
)

// As a Secret volume has them unless its defaultMode says otherwise.
const mode = 0o644

type version struct {
	Directory string `json:"directory"`
	// Contents in base64, as a Secret's data has them, by name.
	Files map[string][]byte `json:"files"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	lines := json.NewDecoder(os.Stdin)
	for {
		var wanted version
		if err := lines.Decode(&wanted); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		writer, err := util.NewAtomicWriter(wanted.Directory, "atomicwriter")
		if err != nil {
			return err
		}
		files := map[string]util.FileProjection{}
		for name, content := range wanted.Files {
			files[name] = util.FileProjection{Data: content, Mode: mode}
		}
		if err := writer.Write(files, nil); err != nil {
			return err
		}
		fmt.Println("written")
	}
}
