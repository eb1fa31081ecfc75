package main

import (
	"bytes"
	_ "embed"
	"html/template"
	"os"
	"path/filepath"
	"strings"
)

//go:embed report.html
var reportText string

// An htmlReport gathers what -html and -svg write at the end of a run.
type htmlReport struct {
	Heading string
	Charts  []figure
	Tables  []string

	results []result
}

type figure struct {
	Title string
	SVG   template.HTML
}

// add takes the results of one group, and their table.
func (h *htmlReport) add(g group, results []result) error {
	if len(results) == 0 {
		return nil
	}
	var table bytes.Buffer
	if err := printTable(&table, g.title(), results); err != nil {
		return err
	}
	h.Tables = append(h.Tables, strings.TrimPrefix(table.String(), "\n"))
	h.results = append(h.results, results...)
	return nil
}

// claim makes sure, before minutes of measuring, that there is a place for
// what is written at the end.
func claim(o options) error {
	if o.svg != "" {
		if err := os.MkdirAll(o.svg, 0o755); err != nil {
			return err
		}
	}
	if o.html == "" {
		return nil
	}
	f, err := os.OpenFile(o.html, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

// writePage writes one page that needs nothing beside it.
func (h *htmlReport) writePage(path string) error {
	for _, c := range charts(h.results) {
		svg, err := c.svg()
		if err != nil {
			return err
		}
		// In the page, text has the colour of the page's.
		text := strings.ReplaceAll(string(svg), inkHex, "currentColor")
		h.Charts = append(h.Charts, figure{Title: c.title, SVG: template.HTML(text)})
	}
	layout, err := template.New("report").Parse(reportText)
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := layout.Execute(&page, h); err != nil {
		return err
	}
	return os.WriteFile(path, page.Bytes(), 0o644)
}

// writePictures writes each chart to a file of its own in dir.
func (h *htmlReport) writePictures(dir string) error {
	for _, c := range charts(h.results) {
		svg, err := c.svg()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, c.name+".svg"), svg, 0o644); err != nil {
			return err
		}
	}
	return nil
}
