// SPDX-License-Identifier: Apache-2.0

// Reads a gzipped pprof file on stdin and prints its bytes when gzipped by Go as runtime/pprof does
// it (BestSpeed) and as github.com/google/pprof does it (DefaultCompression).
package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log"
	"os"
)

func main() {
	in, err := gzip.NewReader(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	raw, err := io.ReadAll(in)
	if err != nil {
		log.Fatal(err)
	}
	for _, level := range []int{gzip.BestSpeed, gzip.DefaultCompression} {
		var out bytes.Buffer
		w, err := gzip.NewWriterLevel(&out, level)
		if err != nil {
			log.Fatal(err)
		}
		if _, err := w.Write(raw); err != nil {
			log.Fatal(err)
		}
		if err := w.Close(); err != nil {
			log.Fatal(err)
		}
		fmt.Println(out.Len())
	}
}
