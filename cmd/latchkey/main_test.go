package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == workerCommand {
		main() // a server of this binary has started a worker
	}
	testscript.Main(m, map[string]func(){"latchkey": main})
}

// TestScripts tells the behaviour of the commands in the files of testdata.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await": await, "capture": capture, "get": get, "member": member,
		},
	})
}

const patience = 30 * time.Second

// await waits until a file matches a regular expression: await FILE REGEXP.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE REGEXP")
	}
	pattern := regexp.MustCompile(args[1])
	var text []byte
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		text, _ = os.ReadFile(ts.MkAbs(args[0]))
		if pattern.Match(text) {
			return
		}
	}
	ts.Fatalf("%s does not match %s after %s: %s", args[0], args[1], patience, text)
}

// capture puts the first group of a regular expression's first match in a file into a variable: capture VAR FILE REGEXP.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: capture VAR FILE REGEXP")
	}
	found := regexp.MustCompile(args[2]).FindStringSubmatch(ts.ReadFile(args[1]))
	if len(found) < 2 {
		ts.Fatalf("%s does not match %s", args[1], args[2])
	}
	ts.Setenv(args[0], found[1])
}

// get fetches a URL and checks the answer: get URL STATUS [REGEXP [HOST [CA-FILE]]].
func get(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: get URL STATUS [REGEXP [HOST [CA-FILE]]]")
	}
	args = append(args, "", "", "")[:5]
	transport := &http.Transport{DisableKeepAlives: true}
	if args[4] != "" {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM([]byte(ts.ReadFile(args[4])))
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	req, err := http.NewRequest(http.MethodGet, args[0], nil)
	ts.Check(err)
	req.Host = args[3]
	res, err := (&http.Client{Transport: transport, Timeout: patience}).Do(req)
	ts.Check(err)
	body, err := io.ReadAll(res.Body)
	ts.Check(err)
	_ = res.Body.Close()
	if fmt.Sprint(res.StatusCode) != args[1] || !regexp.MustCompile(args[2]).Match(body) {
		ts.Fatalf("GET %s: %d %s", args[0], res.StatusCode, body)
	}
}

// member puts a member of a JSON file into a variable: member VAR FILE NAME[.NAME].
func member(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: member VAR FILE NAME[.NAME]")
	}
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &v))
	for name := range strings.SplitSeq(args[2], ".") {
		m, ok := v.(map[string]any)
		if !ok {
			ts.Fatalf("%s holds no %s", args[1], args[2])
		}
		v = m[name]
	}
	ts.Setenv(args[0], fmt.Sprint(v))
}
