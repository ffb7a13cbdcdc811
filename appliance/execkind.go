// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bufio"
	"debug/elf"
	"os"
	"os/exec"
	"strings"
)

// maxInterpreters is how many scripts a script may be run by (BINPRM_MAX_RECURSION).
const maxInterpreters = 4

// ownCalls says whether a program makes system calls without the C library: one that is linked
// statically, or written in Go. Of a script its interpreter decides.
func ownCalls(path string) bool {
	for range maxInterpreters {
		next := interpreter(path)
		if next == "" {
			break
		}
		path = next
	}
	f, err := elf.Open(path)
	if err != nil {
		return false // the kernel will say what is wrong with it
	}
	defer f.Close()
	if f.Section(".go.buildinfo") != nil || f.Section(".note.go.buildid") != nil {
		return true
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return false
		}
	}
	return true
}

// interpreter is the program that runs a script; "": it is none.
func interpreter(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	line, _ := bufio.NewReaderSize(f, 256).ReadSlice('\n')
	rest, ok := strings.CutPrefix(string(line), "#!")
	if !ok {
		return ""
	}
	words := strings.Fields(rest)
	if len(words) == 0 {
		return ""
	}
	// "#!/usr/bin/env NAME"
	if strings.HasSuffix(words[0], "/env") && len(words) > 1 && !strings.HasPrefix(words[1], "-") {
		if found, err := exec.LookPath(words[1]); err == nil {
			return found
		}
	}
	return words[0]
}
