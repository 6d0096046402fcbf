package apischema

// differences is the table of everything our description has otherwise than
// Auth0's document, each entry with its reason.
func differences() []difference { return nil }
