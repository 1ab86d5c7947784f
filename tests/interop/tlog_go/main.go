// main.go - checkpoints and proofs by golang.org/x/mod, as interop_tlog.c's.
// SPDX-License-Identifier: Apache-2.0
// Runs in: tests.
//
//	tlog_go make		lines "SEED OLD SIZE INDEX": for each a bundle
//	tlog_go check FILE	a bundle a line: the number of what holds
package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const origin = "acme/d-go"

type bundle struct {
	Key         string   `json:"key"`
	Witness     string   `json:"witness"`
	Note        string   `json:"note"`
	Index       int64    `json:"index"`
	Size        int64    `json:"size"`
	Old         int64    `json:"old"`
	Inclusion   [][]byte `json:"inclusion"`
	Consistency [][]byte `json:"consistency"`
	OldRoot     []byte   `json:"old_root"`
	Proof       string   `json:"proof"`
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func record(i int64) []byte {
	return []byte(fmt.Sprintf("record %d", i))
}

type store []tlog.Hash

func (s store) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x >= int64(len(s)) {
			return nil, fmt.Errorf("no hash %d", x)
		}
		out[i] = s[x]
	}
	return out, nil
}

func signer(seed byte) (note.Signer, string) {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32))
	vkey, err := note.NewEd25519VerifierKey(origin, private.Public().(ed25519.PublicKey))
	must(err)
	public := append([]byte{1}, private.Public().(ed25519.PublicKey)...)
	h := sha256.Sum256(append([]byte(origin+"\n"), public...))
	skey := fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", origin, binary.BigEndian.Uint32(h[:]),
		base64.StdEncoding.EncodeToString(append([]byte{1}, private.Seed()...)))
	s, err := note.NewSigner(skey)
	must(err)
	return s, vkey
}

func list(hashes []tlog.Hash) [][]byte {
	out := [][]byte{}
	for _, h := range hashes {
		out = append(out, append([]byte(nil), h[:]...))
	}
	return out
}

func makeBundle(s *store, count *int64, seed byte, old, size, index int64) bundle {
	for *count < size {
		hashes, err := tlog.StoredHashes(*count, record(*count), *s)
		must(err)
		*s = append(*s, hashes...)
		*count++
	}
	root, err := tlog.TreeHash(size, *s)
	must(err)
	oldRoot, err := tlog.TreeHash(old, *s)
	must(err)
	inclusion, err := tlog.ProveRecord(size, index, *s)
	must(err)
	consistency, err := tlog.ProveTree(size, old, *s)
	must(err)
	by, vkey := signer(seed)
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, size, root)
	signed, err := note.Sign(&note.Note{Text: text}, by)
	must(err)
	proof := fmt.Sprintf("c2sp.org/tlog-proof@v1\nindex %d\n", index)
	for _, h := range inclusion {
		proof += h.String() + "\n"
	}
	return bundle{vkey, "", string(signed), index, size, old, list(inclusion),
		list(consistency), oldRoot[:], proof + "\n" + string(signed)}
}

func hashes(list [][]byte) ([]tlog.Hash, error) {
	out := []tlog.Hash{}
	for _, b := range list {
		var h tlog.Hash
		if len(b) != len(h) {
			return nil, fmt.Errorf("a hash of %d bytes", len(b))
		}
		copy(h[:], b)
		out = append(out, h)
	}
	return out, nil
}

func check(b bundle) error {
	verifier, err := note.NewVerifier(b.Key)
	if err != nil {
		return err
	}
	n, err := note.Open([]byte(b.Note), note.VerifierList(verifier))
	if err != nil {
		return err
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return fmt.Errorf("the text is no checkpoint")
	}
	if size, err := strconv.ParseInt(lines[1], 10, 64); err != nil || size != b.Size {
		return fmt.Errorf("another size")
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return err
	}
	inclusion, err := hashes(b.Inclusion)
	if err != nil {
		return err
	}
	consistency, err := hashes(b.Consistency)
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(inclusion, b.Size, root, b.Index,
		tlog.RecordHash(record(b.Index))); err != nil {
		return err
	}
	var oldRoot tlog.Hash
	copy(oldRoot[:], b.OldRoot)
	return tlog.CheckTree(consistency, b.Size, root, b.Old, oldRoot)
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "make" {
		var s store
		var count, old, size, index int64
		var seed byte
		out := json.NewEncoder(os.Stdout)
		in := bufio.NewScanner(os.Stdin)
		for in.Scan() {
			_, err := fmt.Sscan(in.Text(), &seed, &old, &size, &index)
			must(err)
			must(out.Encode(makeBundle(&s, &count, seed, old, size, index)))
		}
		return
	}
	f, err := os.Open(os.Args[2])
	must(err)
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for i := 0; in.Scan(); i++ {
		var b bundle
		must(json.Unmarshal(in.Bytes(), &b))
		if err := check(b); err != nil {
			fmt.Printf("not ok %d: %v\n", i, err)
			continue
		}
		fmt.Printf("ok %d\n", i)
	}
}
