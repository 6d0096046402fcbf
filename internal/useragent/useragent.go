// Package useragent names the browser and the operating system of a User-Agent header.
//
// The header is a stranger's text. Messages that tell a person who asked for them must not repeat it: it could hold words
// or an address meant for their reader. So what this package says comes from its own lists and from nowhere else; what is
// in none of them has no name.
//
// Sources: https://developer.mozilla.org/docs/Web/HTTP/Headers/User-Agent, RFC 9110 section 10.1.5.
package useragent

import "strings"

// Agent is what a header tells. A part that is not known is empty.
type Agent struct {
	Browser string
	OS      string
}

// longest is how much of a header is looked at.
const longest = 1024

// mark is a word of a header and what it stands for.
type mark struct{ word, name string }

// browsers are asked in this order: most browsers call themselves by the names of others too, and the special one wins.
var browsers = []mark{
	{"Instagram", "Instagram"}, {"FBAN/", "Facebook"}, {"FBAV/", "Facebook"}, {"GSA/", "Google"},
	{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"}, {"Edge/", "Edge"},
	{"OPR/", "Opera"}, {"OPT/", "Opera"}, {"Opera", "Opera"}, {"Vivaldi/", "Vivaldi"}, {"YaBrowser/", "Yandex Browser"},
	{"SamsungBrowser/", "Samsung Internet"}, {"UCBrowser/", "UC Browser"}, {"DuckDuckGo/", "DuckDuckGo"}, {"Ddg/", "DuckDuckGo"},
	{"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"}, {"CriOS/", "Chrome"}, {"HeadlessChrome/", "Chrome"}, {"Chromium/", "Chromium"},
	{"Chrome/", "Chrome"}, {"MSIE ", "Internet Explorer"}, {"Trident/", "Internet Explorer"}, {"Safari/", "Safari"},
}

// systems are asked in this order.
var systems = []mark{
	{"iPad", "iPadOS"}, {"iPhone", "iOS"}, {"iPod", "iOS"}, {"Android", "Android"}, {"CrOS", "ChromeOS"},
	{"Windows", "Windows"}, {"Macintosh", "macOS"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"}, {"X11", "Linux"},
}

// Parse reads a header.
func Parse(header string) Agent {
	header = header[:min(len(header), longest)]
	return Agent{Browser: find(browsers, header), OS: find(systems, header)}
}

func find(marks []mark, header string) string {
	for _, m := range marks {
		if strings.Contains(header, m.word) {
			return m.name
		}
	}
	return ""
}
