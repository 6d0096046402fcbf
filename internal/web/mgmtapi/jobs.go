package mgmtapi

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/connection"
	"latchkey/internal/job"
	"latchkey/internal/resource"
	"latchkey/internal/web/httpx"
)

// Jobs: Auth0 docs, "Management API v2: Jobs".

// usersImports is the one operation that takes a file.
const usersImports = "/jobs/users-imports"

func (a *api) jobs() []route {
	read := anyOf("create:users", "read:users")
	return []route{
		{"POST /jobs/verification-email", "Send an email address verification email", anyOf("update:users"), createVerificationJob},
		{"POST /jobs/users-exports", "Create export users job", anyOf("read:users"), createExport},
		{"POST " + usersImports, "Create import users job", anyOf("create:users"), createImport},
		{"GET /jobs/{id}", "Get a job", read, getJob},
		{"GET /jobs/{id}/errors", "Get job error details", read, getJobErrors},
	}
}

// showJob gives a job as the API shows it.
func (r *request) showJob(j *job.Job) resource.Document {
	d := resource.Document{"id": j.ID, "type": string(j.Type), "status": string(j.Status), "created_at": stamp(j.CreatedAt)}
	for name, value := range map[string]string{
		"connection_id": j.ConnectionID, "connection": j.Connection, "external_id": j.ExternalID, "status_details": j.Details,
		"format": string(j.Format),
	} {
		if value != "" {
			d[name] = value
		}
	}
	if j.Type == job.UsersExport {
		d["connection"] = j.Connection // empty where the users are those of all connections
		if j.Limit > 0 {
			d["limit"] = j.Limit
		}
		if len(j.Fields) > 0 {
			d["fields"] = j.Fields
		}
	}
	return d
}

// showProgress adds how far a job has come, and, for those who may read users, where the users of an export are. The address
// opens the file for whoever has it.
func (r *request) showProgress(d resource.Document, j *job.Job) {
	if j.Type == job.VerificationEmail {
		return
	}
	if !j.StartedAt.IsZero() {
		d["percentage_done"] = j.PercentageDone()
	}
	if left, known := j.TimeLeft(r.now()); known {
		d["time_left_seconds"] = int(left.Seconds())
	}
	if j.Type == job.UsersImport && j.Status.Ended() {
		d["summary"] = j.Summary
	}
	if key := r.Jobs.DownloadKey(j); key != "" && r.token.has("read:users") {
		d["location"] = r.site.URL(exportPath+exportFile(j)) + "?key=" + key
	}
}

func getJob(r *request) (answer, error) {
	j, err := r.Jobs.Job(r.ctx(), r.tenantID(), r.path("id"))
	if err != nil {
		return answer{}, jobProblem(err)
	}
	d := r.showJob(j)
	r.showProgress(d, j)
	return ok(d)
}

// getJobErrors lists the users that an import refused, or says why the whole job failed.
func getJobErrors(r *request) (answer, error) {
	j, err := r.Jobs.Job(r.ctx(), r.tenantID(), r.path("id"))
	if err != nil {
		return answer{}, jobProblem(err)
	}
	list, err := r.Jobs.Refused(r.ctx(), r.tenantID(), j.ID)
	switch {
	case err != nil:
		return answer{}, jobProblem(err)
	case len(list) > 0:
		return ok(list)
	case j.Status == job.Failed:
		return ok(r.showJob(j))
	}
	return noContent()
}

// startJob writes a job and lets it begin.
func (r *request) startJob(status int, ready *job.Ready, err error) (answer, error) {
	if err != nil {
		return answer{}, jobProblem(err)
	}
	shown := r.showJob(ready.Job)
	// The service's jobs are never done when they are made; nor has the mail of a verification left yet.
	shown["status"] = string(job.Pending)
	a, err := r.commitUser(func(ctx context.Context) (answer, error) {
		return answer{status: status, body: shown}, ready.Commit(ctx)
	})
	if err != nil {
		return answer{}, errors.Join(jobProblem(err), ready.Drop(context.WithoutCancel(r.ctx())))
	}
	ready.Committed()
	return a, nil
}

// jobProblem words the refusals of jobs that mean something else elsewhere.
func jobProblem(err error) error {
	switch {
	case errors.Is(err, job.ErrTooLarge):
		return problem{Status: http.StatusRequestEntityTooLarge, Message: apierr.As(err).Message}
	case errors.Is(err, connection.ErrNotFound):
		return problem{Status: 400, Code: connection.ErrNotFound.Code, Message: "The connection does not exist."}
	case errors.Is(err, job.ErrNotFound):
		return notFoundError("", job.ErrNotFound.Message)
	}
	return err
}

// createVerificationJob sends the mail that verifies a user's address.
func createVerificationJob(r *request) (answer, error) {
	asked, err := r.verificationAsked()
	if err != nil {
		return answer{}, err
	}
	ready, err := r.Jobs.PrepareVerification(r.ctx(), asked)
	return r.startJob(http.StatusCreated, ready, ticketProblem(err))
}

func createExport(r *request) (answer, error) {
	var in struct {
		ConnectionID string      `json:"connection_id"`
		Format       job.Format  `json:"format"`
		Limit        int         `json:"limit"`
		Fields       []job.Field `json:"fields"`
	}
	if err := r.read(&in); err != nil {
		return answer{}, err
	}
	ready, err := r.Jobs.PrepareExport(r.ctx(), r.tenantID(), job.Export(in))
	return r.startJob(http.StatusOK, ready, err)
}

// The refusals of a form with a users file.
var (
	errNotMultipart   = problem{Status: 400, Code: "invalid_body", Message: "Payload validation error: 'Invalid multipart payload format'."}
	errNoUsersPart    = problem{Status: 400, Code: "invalid_body", Message: "Must provide 'users' file as multipart part."}
	errNoConnectionID = problem{Status: 400, Code: "invalid_body", Message: "Must provide 'connection_id' as multipart part."}
)

const (
	// maxFormText bounds a part of the form that is no file, and maxFormRest all of them with their headers.
	maxFormText = 4 << 10
	maxFormRest = 64 << 10
	// maxFormParts bounds how many parts there are.
	maxFormParts = 16

	connectionIDPattern = `^con_[A-Za-z0-9]{16}$`
)

var connectionIDForm = regexp.MustCompile(connectionIDPattern)

// isUpload reports whether the payload is a form with a file, which the handler reads as it comes.
func (r *request) isUpload() bool {
	kind, _, _ := mime.ParseMediaType(r.http.Header.Get("Content-Type"))
	return r.operation.Path == usersImports && kind == "multipart/form-data"
}

// createImport takes the users file while it comes in, before or after the other parts of the form.
func createImport(r *request) (answer, error) {
	if !r.isUpload() {
		return answer{}, errNotMultipart
	}
	if r.http.ContentLength > r.maxImport()+maxFormRest {
		return answer{}, r.tooLarge()
	}
	allowTransfer(r.w)
	r.http.Body = http.MaxBytesReader(r.w, r.http.Body, r.maxImport()+maxFormRest)
	form, err := r.http.MultipartReader()
	if err != nil {
		return answer{}, errNotMultipart
	}
	file, err := r.readForm(form)
	if err != nil {
		return answer{}, r.uploadProblem(err)
	}
	in, err := r.importOf(file)
	if err != nil {
		if file != nil {
			err = errors.Join(err, file.Drop(r.ctx()))
		}
		return answer{}, err
	}
	ready, err := r.Jobs.PrepareImport(r.ctx(), r.tenantID(), in, file)
	return r.startJob(http.StatusAccepted, ready, err)
}

// transferTime is how long a file may take to come in or to go out. All other requests have less.
const transferTime = 10 * time.Minute

// allowTransfer gives a request the time that a file takes, where the connection knows of time.
func allowTransfer(w http.ResponseWriter) {
	c, until := http.NewResponseController(w), time.Now().Add(transferTime)
	_ = c.SetReadDeadline(until)
	_ = c.SetWriteDeadline(until)
}

// maxImport is the largest users file.
func (r *request) maxImport() int64 {
	if r.MaxImport <= 0 {
		return job.DefaultMaxImport
	}
	return r.MaxImport
}

func (r *request) tooLarge() error {
	return problem{
		Status:  http.StatusRequestEntityTooLarge,
		Message: job.ErrTooLarge.Message + ": " + strconv.FormatInt(r.maxImport(), 10),
	}
}

// readForm reads the parts of the form: texts into the body, the file into an upload, which is nil where there is none.
func (r *request) readForm(form *multipart.Reader) (file *job.Upload, err error) {
	defer func() {
		if err != nil && file != nil {
			err = errors.Join(err, file.Drop(r.ctx()))
			file = nil
		}
	}()
	d := resource.Document{}
	r.body = d
	for range maxFormParts {
		part, err := form.NextPart()
		if err == io.EOF {
			return file, nil
		}
		if err != nil {
			return file, formError(err)
		}
		switch {
		case part.FormName() == "users" && file == nil:
			content := &partReader{part: part}
			if file, err = r.Jobs.Upload(r.ctx(), r.tenantID(), content); content.failed != nil {
				return file, formError(content.failed)
			}
			if err != nil {
				return nil, err
			}
		case part.FormName() == "users":
			return file, errNotMultipart
		default:
			text, err := io.ReadAll(io.LimitReader(part, maxFormText+1))
			if err != nil || len(text) > maxFormText || !storable(string(text)) {
				return file, formError(err)
			}
			d[part.FormName()] = string(text)
		}
	}
	return file, errNotMultipart
}

// partReader reads a part and remembers why it could not be read.
type partReader struct {
	part   *multipart.Part
	failed error
}

// Read implements io.Reader.
func (p *partReader) Read(b []byte) (int, error) {
	n, err := p.part.Read(b)
	if err == nil || err == io.EOF {
		return n, err
	}
	p.failed = err
	return n, errNotMultipart // whatever it was: a form that breaks off is not one that ends
}

// formError refuses a form that cannot be read: it is broken, or longer than anything here.
func formError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return job.ErrTooLarge
	}
	return errors.Join(errNotMultipart, err)
}

// uploadProblem is jobProblem for a form that was not read to its end.
func (r *request) uploadProblem(err error) error {
	if errors.Is(err, job.ErrTooLarge) {
		return r.tooLarge()
	}
	return jobProblem(err)
}

// importOf reads the texts of the form.
func (r *request) importOf(file *job.Upload) (job.Import, error) {
	d := r.doc()
	in := job.Import{ConnectionID: text(d, "connection_id"), ExternalID: text(d, "external_id"), SendCompletionEmail: true}
	switch {
	case file == nil:
		return in, errNoUsersPart
	case in.ConnectionID == "":
		return in, errNoConnectionID
	case !connectionIDForm.MatchString(in.ConnectionID):
		return in, invalidBody("Payload validation error: 'String does not match pattern %s' on property connection_id.", connectionIDPattern)
	}
	for name, member := range map[string]*bool{"upsert": &in.Upsert, "send_completion_email": &in.SendCompletionEmail} {
		switch text(d, name) {
		case "":
		case "true":
			*member = true
		case "false":
			*member = false
		default:
			return in, invalidBody("Payload validation error: 'Expected type boolean but found type string' on property %s.", name)
		}
	}
	return in, nil
}

// exportPath is where the files of exports are downloaded. Whoever has the address may: it holds a key of the job, as long
// as the job lives, so that a browser or a script can fetch it without a token.
const exportPath = "/jobs/exports/"

// exportFile is the name of an export's file.
func exportFile(j *job.Job) string { return j.ID + "." + string(j.Format) + ".gz" }

// download answers with the file of an export, as it was compressed.
func (a *api) download(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	httpx.NoStore(w.Header())
	id, _, _ := strings.Cut(r.PathValue("file"), ".")
	j, file, err := a.Jobs.Open(ctx, httpx.Site(ctx).Tenant.ID, id, r.URL.Query().Get("key"))
	if err == nil && exportFile(j) != r.PathValue("file") {
		err = job.ErrNotFound
	}
	if err != nil {
		httpx.Fail(ctx, err)
		writeProblem(w, problemOf(ctx, jobProblem(err)))
		return
	}
	allowTransfer(w)
	h := w.Header()
	h.Set("Content-Type", "application/gzip")
	h.Set("Content-Disposition", `attachment; filename="`+exportFile(j)+`"`)
	if _, err := io.Copy(w, file); err != nil {
		// The status has gone out: a connection that breaks off is the only way to say that the file is not whole.
		panic(http.ErrAbortHandler)
	}
}
