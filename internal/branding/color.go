package branding

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

var hexColor = regexp.MustCompile(`^#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})$`)

// cleanColor gives a colour that is safe in a style sheet, or "" for anything but #rgb, #rrggbb and #rrggbbaa.
func cleanColor(s string) string {
	s = strings.TrimSpace(s)
	if !hexColor.MatchString(s) {
		return ""
	}
	return strings.ToLower(s)
}

// rgb splits a clean colour into its channels; transparency is left aside.
func rgb(c string) [3]float64 {
	h := strings.TrimPrefix(c, "#")
	if len(h) == 3 {
		h = string([]byte{h[0], h[0], h[1], h[1], h[2], h[2]})
	}
	var out [3]float64
	for i := range out {
		n, err := strconv.ParseUint(h[2*i:2*i+2], 16, 8)
		if err != nil {
			return [3]float64{}
		}
		out[i] = float64(n)
	}
	return out
}

// contrast gives the contrast ratio of two clean colours as WCAG 2.2 defines it, from 1 to 21.
func contrast(a, b string) float64 {
	la, lb := luminance(a), luminance(b)
	return (math.Max(la, lb) + 0.05) / (math.Min(la, lb) + 0.05)
}

func luminance(c string) float64 {
	ch := rgb(c)
	for i, v := range ch {
		v /= 255
		if v <= 0.04045 {
			ch[i] = v / 12.92
		} else {
			ch[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*ch[0] + 0.7152*ch[1] + 0.0722*ch[2]
}

// mix moves a colour towards another one by a share between 0 and 1.
func mix(c, to string, share float64) string {
	a, b := rgb(c), rgb(to)
	var out [3]int
	for i := range out {
		out[i] = int(math.Round(a[i] + (b[i]-a[i])*share))
	}
	return fmt.Sprintf("#%02x%02x%02x", out[0], out[1], out[2])
}

// readable gives c, moved away from the background no further than it must to reach a contrast.
func readable(c, background string, ratio float64) string {
	to := legible(background)
	for share := 0.0; share < 1; share += 0.05 {
		if m := mix(c, to, share); contrast(m, background) >= ratio {
			return m
		}
	}
	return to
}

// legible gives black or white, whichever can be read better on a background.
func legible(background string) string {
	if contrast("#ffffff", background) >= contrast("#000000", background) {
		return "#ffffff"
	}
	return "#000000"
}
