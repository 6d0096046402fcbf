package management

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/bcrypt"

	"latchkey/test/servertest"
)

// part is a part of a form; one named users is a file.
type part struct{ name, text string }

// upload sends a form to /jobs/users-imports.
func upload(t *testing.T, s *servertest.Server, token string, parts ...part) servertest.Reply {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, p := range parts {
		create := form.CreateFormField
		if p.name == "users" {
			create = func(name string) (io.Writer, error) { return form.CreateFormFile(name, "users.json") }
		}
		w, err := create(p.name)
		if err == nil {
			_, err = io.WriteString(w, p.text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/api/v2/jobs/users-imports", &body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Authorization", "Bearer "+token)
	return s.Send(r)
}

// jobPatience bounds how long a test waits for a job; jobPause is the pace at which it asks.
const (
	jobPatience = 30 * time.Second
	jobPause    = 20 * time.Millisecond
)

// ended asks for a job until it has ended.
func ended(t *testing.T, s *servertest.Server, id string) doc {
	t.Helper()
	token := s.Token()
	tick := time.NewTicker(jobPause)
	defer tick.Stop()
	late := time.After(jobPatience)
	for {
		s.Clock.Advance(100 * time.Millisecond) // so that asking often reaches no limit
		got := s.Call(token, "GET", "/jobs/"+id, nil)
		if got.Status != 200 {
			t.Fatalf("job: got %d %s", got.Status, got.Text)
		}
		if status := got.Doc()["status"]; status == "completed" || status == "failed" {
			return got.Doc()
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("the job has not ended: %s", got.Text)
		}
	}
}

// fetched downloads an address and gives the answer and, where it is a gzip file, what is in it.
func fetched(t *testing.T, address string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 200 {
		return res, string(raw)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text)
}

func TestJobs_UsersAreExportedAndImportedAgain(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		from := people(s, nil)
		to := s.Must(201, "POST", "/connections", doc{"name": "moved", "strategy": "auth0", "enabled_clients": []any{s.Web.ID}}).Doc()["id"].(string)
		for n := range 3 {
			s.Must(201, "POST", "/users", doc{
				"connection": "people", "email": fmt.Sprintf("user%d@example.com", n), "password": "Secret-Phrase-7", "email_verified": n == 0,
				"user_metadata": doc{"n": n}, "given_name": "Given", "verify_email": false,
			})
		}
		fields := []any{doc{"name": "email"}, doc{"name": "email_verified"}, doc{"name": "user_metadata"}, doc{"name": "given_name"}}
		made := s.Must(200, "POST", "/jobs/users-exports", doc{"connection_id": from, "format": "json", "limit": 5, "fields": fields}).Doc()
		want := doc{"type": "users_export", "status": "pending", "connection_id": from, "connection": "people", "format": "json", "limit": 5.0, "fields": fields}
		if diff := cmp.Diff(want, without(made, "id", "created_at")); diff != "" {
			t.Errorf("export (-want +got):\n%s", diff)
		}
		done := ended(t, s, made["id"].(string))
		location, _ := done["location"].(string)
		if done["status"] != "completed" || done["percentage_done"] != 100.0 || !strings.HasPrefix(location, s.URL+"/jobs/exports/job_") {
			t.Fatalf("export: got %v", done)
		}
		// The address opens the file, so it is for those who may read users, and in no event of the log.
		if got := s.Call(s.Token("create:users"), "GET", "/jobs/"+made["id"].(string), nil); got.Status != 200 || got.Doc()["status"] != "completed" || containsAny(got.Text, "location", "key=") {
			t.Errorf("without read:users: got %d %s", got.Status, got.Text)
		}
		if events := s.Must(200, "GET", "/logs?per_page=100", nil).Text; containsAny(events, "/jobs/exports/") {
			t.Errorf("the log holds the address: %s", events)
		}
		res, text := fetched(t, location)
		if res.Header.Get("Content-Type") != "application/gzip" || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("file: got headers %v", res.Header)
		}
		lines := strings.Split(strings.TrimSpace(text), "\n")
		if len(lines) != 3 {
			t.Fatalf("file: got %q, want three lines", text)
		}

		imported := upload(t, s, s.Token(), part{"users", "[" + strings.Join(lines, ",") + "]"}, part{"connection_id", to},
			part{"external_id", "mine"}, part{"send_completion_email", "false"})
		if imported.Status != 202 {
			t.Fatalf("import: got %d %s", imported.Status, imported.Text)
		}
		wantImport := doc{"type": "users_import", "status": "pending", "connection_id": to, "connection": "moved", "external_id": "mine"}
		if diff := cmp.Diff(wantImport, without(imported.Doc(), "id", "created_at")); diff != "" {
			t.Errorf("import (-want +got):\n%s", diff)
		}
		id := imported.Doc()["id"].(string)
		if diff := cmp.Diff(doc{"failed": 0.0, "updated": 0.0, "inserted": 3.0, "total": 3.0}, ended(t, s, id)["summary"]); diff != "" {
			t.Errorf("summary (-want +got):\n%s", diff)
		}
		if got := s.API("GET", "/jobs/"+id+"/errors", nil); got.Status != 204 || got.Text != "" {
			t.Errorf("errors: got %d %s, want 204", got.Status, got.Text)
		}
		found := s.Must(200, "GET", query(`identities.connection:"moved" AND email:"user0@example.com"`), nil).List()
		if len(found) != 1 || found[0].(doc)["email_verified"] != true || cmp.Diff(doc{"n": 0.0}, found[0].(doc)["user_metadata"]) != "" {
			t.Errorf("imported: got %v", found)
		}
		titles := servertest.Text(eventsOf(t, s, "sapi"))
		if !containsAny(titles, "Create import users job") || !containsAny(titles, "Create export users job") {
			t.Errorf("events: got %s, want both jobs", titles)
		}

		other := s.Neighbour(t)
		for _, path := range []string{"/jobs/" + id, "/jobs/" + id + "/errors", "/jobs/job_AAAAAAAAAAAAAAAA"} {
			refused(t, other.API("GET", path, nil), 404, "", "The job does not exist")
		}
		for name, address := range map[string]string{
			"without its key":   location[:strings.Index(location, "?")],
			"with another key":  strings.Replace(location, "?key=", "?key=A", 1),
			"of another tenant": strings.Replace(location, s.URL, other.URL, 1),
			"in another format": strings.Replace(location, ".json.gz", ".csv.gz", 1),
		} {
			if res, text := fetched(t, address); res.StatusCode != 404 {
				t.Errorf("%s: got %d %s, want 404", name, res.StatusCode, text)
			}
		}
		s.Clock.Advance(24 * time.Hour)
		if res, text := fetched(t, location); res.StatusCode != 404 {
			t.Errorf("after a day: got %d %s, want 404", res.StatusCode, text)
		}
	})
}

func TestJobs_ImportsTakeHashesOfOtherSystemsAndListWhatTheyRefuse(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		connectionID := people(s, nil)
		bcrypted, err := bcrypt.GenerateFromPassword([]byte("Secret-Phrase-7"), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		users := []doc{
			{"email": "bcrypt@example.com", "password_hash": string(bcrypted), "user_id": "b"},
			{"email": "sha@example.com", "custom_password_hash": doc{
				"algorithm": "sha256", "hash": doc{"value": strings.Repeat("ab", 32), "encoding": "hex"}, "salt": doc{"value": "pepper", "position": "suffix"},
			}},
			{"email": "twice@example.com", "password_hash": string(bcrypted), "custom_password_hash": doc{"algorithm": "md5", "hash": doc{"value": "x"}}},
			{"email": "bcrypt@example.com"},
			{"name": "nobody"},
			{"email": "extra@example.com", "nonsense": 1},
		}
		text, err := json.Marshal(users)
		if err != nil {
			t.Fatal(err)
		}
		got := upload(t, s, s.Token(), part{"connection_id", connectionID}, part{"upsert", "false"}, part{"users", string(text)})
		if got.Status != 202 {
			t.Fatalf("import: got %d %s", got.Status, got.Text)
		}
		id := got.Doc()["id"].(string)
		if diff := cmp.Diff(doc{"failed": 4.0, "updated": 0.0, "inserted": 2.0, "total": 6.0}, ended(t, s, id)["summary"]); diff != "" {
			t.Errorf("summary (-want +got):\n%s", diff)
		}
		errs := s.Must(200, "GET", "/jobs/"+id+"/errors", nil)
		codes := map[string]string{}
		for _, one := range errs.List() {
			entry := one.(doc)
			email, _ := entry["user"].(doc)["email"].(string)
			codes[email] = entry["errors"].([]any)[0].(doc)["code"].(string)
		}
		want := map[string]string{
			"twice@example.com": "NOT_PASSED", "bcrypt@example.com": "DUPLICATED_USER", "": "OBJECT_REQUIRED",
			"extra@example.com": "OBJECT_ADDITIONAL_PROPERTIES",
		}
		if diff := cmp.Diff(want, codes); diff != "" {
			t.Errorf("codes (-want +got):\n%s", diff)
		}
		if containsAny(errs.Text, string(bcrypted)) {
			t.Error("the list of errors holds a hash")
		}
		if u := s.Must(200, "GET", userPath("auth0|b"), nil).Doc(); u["email"] != "bcrypt@example.com" {
			t.Errorf("imported: got %v", u)
		}

		upsert := upload(t, s, s.Token(), part{"users", `[{"email":"bcrypt@example.com","name":"Bea"}]`}, part{"connection_id", connectionID}, part{"upsert", "true"})
		if diff := cmp.Diff(doc{"failed": 0.0, "updated": 1.0, "inserted": 0.0, "total": 1.0}, ended(t, s, upsert.Doc()["id"].(string))["summary"]); diff != "" {
			t.Errorf("upsert (-want +got):\n%s", diff)
		}
		broken := upload(t, s, s.Token(), part{"users", `{"email":"x@example.com"}`}, part{"connection_id", connectionID})
		brokenID := broken.Doc()["id"].(string)
		if job := ended(t, s, brokenID); job["status"] != "failed" {
			t.Errorf("a file that is no list: got %v, want a failed job", job)
		}
		why := s.Must(200, "GET", "/jobs/"+brokenID+"/errors", nil).Doc()
		if why["status"] != "failed" || why["status_details"] == nil || why["id"] != brokenID {
			t.Errorf("why it failed: got %v", why)
		}
	})
}

func TestJobs_ImportsAreRefusedInTheServicesWords(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		connectionID := people(s, nil)
		idle := s.Must(201, "POST", "/connections", doc{"name": "idle", "strategy": "auth0"}).Doc()["id"].(string)
		codes := s.Must(200, "GET", "/connections?name=email", nil).List()[0].(doc)["id"].(string)
		users := part{"users", `[{"email":"ann@example.com"}]`}
		for name, test := range map[string]struct {
			status  int
			message string
			parts   []part
		}{
			"no file":           {400, "Must provide 'users' file as multipart part.", []part{{"connection_id", connectionID}}},
			"no connection":     {400, "Must provide 'connection_id' as multipart part.", []part{users}},
			"an empty file":     {400, "Users file must not be empty.", []part{{"users", ""}, {"connection_id", connectionID}}},
			"a malformed id":    {400, `Payload validation error: 'String does not match pattern ^con_[A-Za-z0-9]{16}$' on property connection_id.`, []part{users, {"connection_id", "x"}}},
			"an unknown id":     {400, "The connection does not exist.", []part{users, {"connection_id", "con_AAAAAAAAAAAAAAAA"}}},
			"no database":       {400, "Connection must be a database connection.", []part{users, {"connection_id", codes}}},
			"nobody's":          {400, "Connection must be enabled.", []part{users, {"connection_id", idle}}},
			"no truth":          {400, "Payload validation error: 'Expected type boolean but found type string' on property upsert.", []part{users, {"connection_id", connectionID}, {"upsert", "yes"}}},
			"two files":         {400, "Payload validation error: 'Invalid multipart payload format'.", []part{users, users, {"connection_id", connectionID}}},
			"a file too large":  {413, "Payload content length greater than maximum allowed: 512000", []part{{"connection_id", connectionID}, {"users", strings.Repeat(" ", 512001)}}},
			"far too large one": {413, "Payload content length greater than maximum allowed: 512000", []part{{"users", strings.Repeat(" ", 640000)}, {"connection_id", connectionID}}},
		} {
			got := upload(t, s, s.Token(), test.parts...)
			if got.Status != test.status || got.Message() != test.message {
				t.Errorf("%s: got %d %s, want %d %s", name, got.Status, got.Text, test.status, test.message)
			}
		}
		for range 3 { // more often than the tenant has places
			const cut = "--b\r\nContent-Disposition: form-data; name=\"users\"; filename=\"u.json\"\r\n\r\n[{\"email\":"
			r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/api/v2/jobs/users-imports", strings.NewReader(cut))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
			r.Header.Set("Authorization", "Bearer "+s.Token())
			refused(t, s.Send(r), 400, "invalid_body", "Payload validation error: 'Invalid multipart payload format'.")
		}
		refused(t, s.API("POST", "/jobs/users-imports", doc{"users": "x", "connection_id": connectionID}), 400, "invalid_body",
			"Payload validation error: 'Invalid multipart payload format'.")
		if got := upload(t, s, s.Token("read:users"), users, part{"connection_id", connectionID}); got.Status != 403 {
			t.Errorf("without the scope: got %d %s, want 403", got.Status, got.Text)
		}
		// None of the refusals holds one of the tenant's two places.
		for range 2 {
			got := upload(t, s, s.Token(), users, part{"connection_id", connectionID}, part{"upsert", "true"})
			if got.Status != 202 {
				t.Fatalf("afterwards: got %d %s, want 202", got.Status, got.Text)
			}
			ended(t, s, got.Doc()["id"].(string))
		}
	})
}

func TestJobs_ExportsAreRefusedInTheServicesWords(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	var many []doc
	for n := range 31 {
		many = append(many, doc{"name": fmt.Sprintf("user_metadata.f%d", n)})
	}
	for name, test := range map[string]struct {
		body    doc
		message string
	}{
		"an unknown connection": {doc{"connection_id": "con_AAAAAAAAAAAAAAAA"}, "The connection does not exist."},
		"many columns":          {doc{"format": "csv", "fields": many}, "Exports in CSV format are limited to 30 fields."},
		"an unknown format":     {doc{"format": "xml"}, `Payload validation error: 'No enum match for: "xml"' on property format.`},
	} {
		got := s.API("POST", "/jobs/users-exports", test.body)
		if got.Status != 400 || !strings.HasPrefix(got.Message(), strings.TrimSuffix(test.message, ".")) {
			t.Errorf("%s: got %d %s, want %s", name, got.Status, got.Text, test.message)
		}
	}
	all := s.Must(200, "POST", "/jobs/users-exports", doc{"format": "csv"}).Doc()
	if _, text := fetched(t, ended(t, s, all["id"].(string))["location"].(string)); !strings.HasPrefix(text, `"Id","Given Name"`) {
		t.Errorf("an empty file: got %q, want the names of the columns", text)
	}
}

func TestJobs_VerificationMailsVerifyTheAddress(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		people(s, nil)
		ann := member(s, "ann@example.com")
		made := s.Must(201, "POST", "/jobs/verification-email", doc{"user_id": ann, "client_id": s.Web.ID}).Doc()
		if diff := cmp.Diff(doc{"type": "verification_email", "status": "pending"}, without(made, "id", "created_at")); diff != "" {
			t.Errorf("job (-want +got):\n%s", diff)
		}
		if done := ended(t, s, made["id"].(string)); done["status"] != "completed" {
			t.Errorf("job: got %v", done)
		}
		sent := s.Mail(t, "ann@example.com")
		if !strings.Contains(sent.Text, "Test Web") {
			t.Errorf("mail: got %s, want the client's name", sent.Text)
		}
		verify(t, s, sent.Link)
		if got := s.Must(200, "GET", userPath(ann), nil).Doc(); got["email_verified"] != true {
			t.Errorf("email_verified: got %v, want true", got["email_verified"])
		}
	})
}
