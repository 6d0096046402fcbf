package locale

// OfMessage gives the language in which a message of ours is written: the best of what the request asked for (a language
// tag, or the value of an Accept-Language header), else the reader's own, each among all languages that have texts here,
// else the first of those that the tenant has enabled. A message that was asked for on a page asks for the page's language.
func OfMessage(enabled []string, asked, own string) string {
	shipped := Shipped()
	for _, tag := range append(append(accepted(asked), own), enabled...) {
		if t := lookup(shipped, tag); t != "" {
			return t
		}
	}
	return fallback
}
