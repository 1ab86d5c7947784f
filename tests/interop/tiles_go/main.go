// main.go - a console's tiles read by golang.org/x/mod's own log client.
// SPDX-License-Identifier: Apache-2.0
// Runs in: tests.
//
//	tiles_go PREFIX VKEY TOKEN OLD INDEX...
//
// Opens the checkpoint with the verifier key, reads hashes through
// tlog.TileHashReader (which authenticates every tile), proves that the tree of
// OLD records is a beginning of it, and that each record whose bytes the log
// gives is in it.
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must(err error) {
	if err != nil {
		fmt.Println("not ok", err)
		os.Exit(1)
	}
}

func get(url, token string) ([]byte, error) {
	q, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != 200 {
		return nil, fmt.Errorf("%s: %s", url, r.Status)
	}
	return io.ReadAll(r.Body)
}

// C2SP's paths are Go's without the height, which is always 8.
func path(t tlog.Tile) string {
	return strings.Replace(t.Path(), "tile/8/", "tile/", 1)
}

type reader struct {
	prefix string
	read   int
}

func (r *reader) Height() int { return 8 }

func (r *reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := [][]byte{}
	for _, t := range tiles {
		data, err := get(r.prefix+path(t), "")
		if err != nil {
			return nil, err
		}
		r.read++
		out = append(out, data)
	}
	return out, nil
}

func (r *reader) SaveTiles([]tlog.Tile, [][]byte) {}

func entry(prefix, token string, size, index int64) ([]byte, error) {
	t := tlog.Tile{H: 8, L: 0, N: index / 256, W: 256}
	if size-t.N*256 < 256 {
		t.W = int(size - t.N*256)
	}
	data, err := get(prefix+strings.Replace(path(t), "tile/0/", "tile/entries/", 1), token)
	if err != nil {
		return nil, err
	}
	for i := t.N * 256; ; i++ {
		if len(data) < 2 {
			return nil, fmt.Errorf("no entry %d", index)
		}
		n := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+n {
			return nil, fmt.Errorf("entry %d is cut", i)
		}
		if i == index {
			return data[2 : 2+n], nil
		}
		data = data[2+n:]
	}
}

func main() {
	prefix, vkey, token := os.Args[1], os.Args[2], os.Args[3]
	old, err := strconv.ParseInt(os.Args[4], 10, 64)
	must(err)
	verifier, err := note.NewVerifier(vkey)
	must(err)
	signed, err := get(prefix+"checkpoint", "")
	must(err)
	n, err := note.Open(signed, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(n.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := tlog.ParseHash(lines[2])
	must(err)
	tiles := &reader{prefix: prefix}
	hashes := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, tiles)
	before, err := tlog.TreeHash(old, hashes)
	must(err)
	proof, err := tlog.ProveTree(size, old, hashes)
	must(err)
	must(tlog.CheckTree(proof, size, root, old, before))
	for _, arg := range os.Args[5:] {
		i, err := strconv.ParseInt(arg, 10, 64)
		must(err)
		record, err := entry(prefix, token, size, i)
		must(err)
		proof, err := tlog.ProveRecord(size, i, hashes)
		must(err)
		must(tlog.CheckRecord(proof, size, root, i, tlog.RecordHash(record)))
	}
	fmt.Println("ok", size, len(n.Sigs), len(n.UnverifiedSigs), before)
}
