package transaction

// Step is what comes next in a login.
type Step string

// The steps. Pages collect what a step asks for and come back to Next; they never choose each other.
const (
	Identify    Step = "identify"     // ask who is there
	Challenge   Step = "challenge"    // ask for the code that was sent
	PickAccount Step = "pick_account" // ask which account to go on with
	Consent     Step = "consent"      // ask to allow the client what it wants
	Confirm     Step = "confirm"      // ask whether the application that opens is the right one
	Finish      Step = "finish"       // answer the application
	Declined    Step = "declined"     // tell the application that the person said no
)

// Situation is what Next must know beyond the transaction itself.
type Situation struct {
	Session bool   // this browser's session may answer the request
	UserID  string // whom the proof or that session names
	Consent bool   // the user has not yet allowed all that the client wants
	Confirm bool   // the callback cannot be told from an impostor's, and neither tenant nor client waives the question
}

// rules is the dispatcher: the first that holds decides. It is the table of Auth0's "Universal Login" flow for
// passwordless connections, read from top to bottom.
var rules = []struct {
	when func(t *Transaction, s Situation) bool
	then Step
}{
	{func(t *Transaction, _ Situation) bool { return t.Declined }, Declined},
	{func(t *Transaction, s Situation) bool { return !t.proven(s) && t.ChallengeID == "" }, Identify},
	{func(t *Transaction, s Situation) bool { return !t.proven(s) }, Challenge},
	{func(t *Transaction, s Situation) bool {
		return t.Proof == nil && t.PickedBy != s.UserID && t.Request.Has("select_account")
	}, PickAccount},
	{func(t *Transaction, s Situation) bool { return s.Consent && t.ConsentedBy != s.UserID }, Consent},
	{func(t *Transaction, s Situation) bool { return s.Confirm && !t.Shown && t.ConfirmedBy != s.UserID }, Confirm},
	{func(*Transaction, Situation) bool { return true }, Finish},
}

// Next decides the step of a transaction. It is pure.
func Next(t *Transaction, s Situation) Step {
	for _, r := range rules {
		if r.when(t, s) {
			return r.then
		}
	}
	return Finish
}

// proven reports whether it is known who is there.
func (t *Transaction) proven(s Situation) bool {
	return t.Proof != nil || (s.Session && !t.Switched)
}
