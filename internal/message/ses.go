package message

import (
	"context"
	"errors"
	"net/http"
	"net/mail"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"latchkey/internal/egress"
)

// ses sends by Amazon SES (https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html), by version 2 of its
// API. It knows no key by which it would recognise a message.
type ses struct {
	service
	client *sesv2.Client
	set    string // the configuration set; empty for none
}

var sesRegion = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)

func newSES(s service, c credentials, set string) (*ses, error) {
	if !sesRegion.MatchString(c.Region) {
		return nil, errors.New("the region of the e-mail provider is not a region of AWS")
	}
	keys := aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey}
	return &ses{service: s, set: set, client: sesv2.New(sesv2.Options{
		Region:      c.Region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return keys, nil }),
		Retryer:     aws.NopRetryer{}, // the worker alone decides what is sent again
	})}, nil
}

// Send implements Provider.
func (s *ses) Send(ctx context.Context, m Mail) Result {
	to, _, err := envelope(m.To)
	if err != nil {
		return unaddressed()
	}
	text := func(data string) *types.Content { return &types.Content{Data: &data, Charset: aws.String("UTF-8")} }
	input := &sesv2.SendEmailInput{
		FromEmailAddress: aws.String((&mail.Address{Name: m.FromName, Address: m.FromAddress}).String()),
		Destination:      &types.Destination{ToAddresses: []string{to}},
		Content: &types.EmailContent{Simple: &types.Message{
			Subject: text(m.Subject), Body: &types.Body{Text: text(m.Text), Html: text(m.HTML)},
		}},
		EmailTags: []types.MessageTag{{Name: aws.String("outbox_id"), Value: &m.ID}},
	}
	for _, h := range m.extraHeaders() {
		if m.serviceHeaders()[h.Name] != "" {
			input.Content.Simple.Headers = append(input.Content.Simple.Headers, types.MessageHeader{Name: &h.Name, Value: &h.Value})
		}
	}
	if s.set != "" {
		input.ConfigurationSetName = &s.set
	}
	exchange := s.egress.Exchange()
	output, err := s.client.SendEmail(ctx, input, func(o *sesv2.Options) { o.HTTPClient = exchange })
	switch {
	case err != nil:
		return sesError(exchange, err)
	case output.MessageId == nil:
		return answer{status: http.StatusOK}.malformed()
	}
	return sent(*output.MessageId)
}

// sesError reads what went wrong; the error's name says what its status, mostly 400, does not.
func sesError(x *egress.Exchange, err error) Result {
	var named interface {
		ErrorCode() string
		ErrorMessage() string
	}
	var answered *awshttp.ResponseError
	if !errors.As(err, &answered) || answered.Response == nil || answered.Response.StatusCode == 0 {
		return *unanswered(x, err)
	}
	got := answer{status: answered.Response.StatusCode, header: answered.Response.Header}
	if got.ok() {
		return got.malformed()
	}
	if !errors.As(err, &named) {
		return got.refused("")
	}
	r := got.refused(named.ErrorCode() + " " + named.ErrorMessage())
	switch named.ErrorCode() {
	case "TooManyRequestsException", "LimitExceededException", "ThrottlingException", "Throttling":
		r.Verdict = VerdictRetry
	case "AccountSuspendedException", "SendingPausedException", "MailFromDomainNotVerifiedException", "NotFoundException":
		r.Verdict = VerdictConfig
	}
	if strings.Contains(named.ErrorCode(), "Signature") || strings.Contains(named.ErrorCode(), "Skewed") {
		r.Verdict = VerdictConfig
		r.Detail += " (a clock that is wrong makes signatures so too)"
	}
	return r
}
