package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// table writes rows in columns.
func table(w io.Writer, rows ...[]string) error {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	t.Flush()
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// writeJSON writes v in one line, or in many if it is all that is written.
func writeJSON(w io.Writer, v any, line bool) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if !line {
		e.SetIndent("", "  ")
	}
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, escape(b.String(), true))
	return err
}

// clean escapes what would control the terminal of whoever reads s.
func clean(s string) string { return escape(s, false) }

// escape writes all runes that are not printable as JSON has them; it keeps the ends of lines, if
// they are to be kept.
func escape(s string, lines bool) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) {
		return s // and has no byte that is no rune
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case unicode.IsPrint(r), lines && r == '\n':
			b.WriteRune(r)
		default:
			for _, c := range utf16.AppendRune(nil, r) {
				fmt.Fprintf(&b, `\u%04x`, c)
			}
		}
	}
	return b.String()
}

// size writes a number of bytes.
func size(n int64) string {
	const units = "KMGT"
	if n < 1<<10 {
		return strconv.FormatInt(n, 10)
	}
	f, i := float64(n)/(1<<10), 0
	for ; f >= 1000 && i < len(units)-1; i++ {
		f /= 1 << 10
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + units[i:i+1]
}

// age writes how long ago it was, with the two largest units.
func age(since time.Time) string {
	if since.IsZero() {
		return "-"
	}
	d := max(time.Since(since), 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// plural writes a number of things.
func plural(n uint64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
