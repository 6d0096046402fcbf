package faults

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/test/load/driver"
	"latchkey/test/pg"
)

// binaryEnv names a built server; without it these tests build one.
const binaryEnv = "LATCHKEY_BINARY"

// soakEnv makes the soak tests last.
const soakEnv = "LATCHKEY_SOAK"

func TestMain(m *testing.M) { os.Exit(run(m)) }

var scratch string // folder of the built server, removed when the tests have ended

func run(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "latchkey-faults-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	return m.Run()
}

var binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv(binaryEnv); path != "" {
		return path, nil
	}
	return driver.Build(context.Background(), scratch)
})

// soak gives how long a soak test goes on and skips it outside a soak.
func soak(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv(soakEnv)
	if text == "" {
		t.Skip("goes on for as long as " + soakEnv + " says")
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v", soakEnv, err)
	}
	return d
}

// cluster is one tenant served by one or more nodes.
type cluster struct {
	sink    *driver.Sink
	members []*member
	people  atomic.Int64
	name    string
}

// member is a node's place in the cluster: the process in it may be killed and started again.
type member struct {
	options driver.DevOptions
	target  driver.Target
	client  *driver.Client
	node    *driver.Node
}

// onEach runs a test on every way to deploy.
func onEach(t *testing.T, test func(t *testing.T, c *cluster)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, newCluster(t, 1, ""))
	})
	t.Run("two nodes on PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, newCluster(t, 2, pg.Database(t)))
	})
}

// newCluster starts n nodes with the same domain, keys and database. They end with the test.
func newCluster(t *testing.T, n int, database string) *cluster {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	sink, err := driver.ListenSink("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sink.Close(); err != nil {
			t.Errorf("close the mail sink: %v", err)
		}
	})
	c := &cluster{sink: sink, name: fmt.Sprintf("%x", rand.Uint64())}
	domain := ""
	for i := range n {
		address, err := driver.FreeAddress()
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			domain = address
		}
		m := &member{options: driver.DevOptions{
			Binary: path, Listen: address, Data: t.TempDir(), SMTP: sink.URL(), Database: database, Domain: domain,
		}}
		if i > 0 {
			copyFolder(t, c.members[0].options.Data, m.options.Data) // the nodes share their keys
		}
		m.start(t)
		t.Cleanup(func() {
			if err := m.node.Stop(); err != nil {
				t.Errorf("node %d: %v", i, err)
			}
			if t.Failed() {
				t.Logf("the end of node %d's log:\n%s", i, m.node.Log())
			}
		})
		if m.target, err = m.node.Dev.Target("native"); err != nil {
			t.Fatal(err)
		}
		m.target.Dial = address
		if m.client, err = driver.NewClient(m.target, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(m.client.Close)
		c.members = append(c.members, m)
	}
	if first, last := c.members[0].node.Dev, c.members[n-1].node.Dev; first.Issuer != last.Issuer || first.Native != last.Native {
		t.Fatalf("the nodes are not one tenant: %+v and %+v", first, last)
	}
	return c
}

func (m *member) start(t *testing.T) {
	t.Helper()
	node, err := driver.StartDev(t.Context(), m.options)
	if err != nil {
		t.Fatal(err)
	}
	m.node = node
}

// any gives the client of some node.
func (c *cluster) any() *driver.Client { return c.members[rand.IntN(len(c.members))].client }

// each gives the client of the i-th node, counted round and round.
func (c *cluster) each(i int) *driver.Client { return c.members[i%len(c.members)].client }

// stranger gives an address that was never used.
func (c *cluster) stranger() string {
	return fmt.Sprintf("person-%s-%d@example.com", c.name, c.people.Add(1))
}

// login logs a new person in.
func (c *cluster) login(t *testing.T) (email string, tokens driver.Tokens) {
	t.Helper()
	email = c.stranger()
	tokens, err := driver.Login(t.Context(), c.any(), c.sink, email)
	if err != nil {
		t.Fatal(err)
	}
	return email, tokens
}

// copyFolder copies the regular files of a folder.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil || name == "." {
			return err
		}
		if d.IsDir() {
			return os.Mkdir(filepath.Join(to, name), 0o700)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(path)
		return errors.Join(err, os.WriteFile(filepath.Join(to, name), content, 0o600))
	})
	if err != nil {
		t.Fatal(err)
	}
}
