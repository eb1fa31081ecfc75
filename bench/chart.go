package main

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"regexp"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A chart draws lines over logarithmic axes, with its legend below.
type chart struct {
	name   string // of its file
	title  string
	x, y   axis
	series []series
}

// An axis is logarithmic, if it is not linear.
type axis struct {
	label  string
	format func(float64) string
	ticks  []plot.Tick // with labels; nil for those that suit the range
	linear bool
}

// A series is what one system did, in one mode.
type series struct {
	label  string
	system string
	dashed bool
	points plotter.XYs
}

// The size of a chart, in the units of its letters: two side by side fill a
// desktop's page, and one a telephone's, with letters of a legible size.
const (
	chartWidth  = 400
	chartHeight = 270 // without the legend
	labelLine   = 18
	legendLine  = 17
)

// ink is the colour of text and axes: grey that can be read on white and on
// black. A page may put its own in its place.
var ink = color.RGBA{0x6e, 0x77, 0x81, 0xff}

const inkHex = "#6E7781"

// A look is how all charts draw one system. Related systems share a colour,
// never in one chart.
type look struct {
	color color.RGBA
	glyph draw.GlyphDrawer
}

var (
	blue   = color.RGBA{0x2f, 0x81, 0xf7, 0xff}
	orange = color.RGBA{0xe0, 0x7b, 0x1a, 0xff}
	green  = color.RGBA{0x2d, 0xa4, 0x4e, 0xff}
	red    = color.RGBA{0xdd, 0x44, 0x44, 0xff}
	violet = color.RGBA{0x9a, 0x6e, 0xe8, 0xff}
	brown  = color.RGBA{0xa0, 0x72, 0x3c, 0xff}
	teal   = color.RGBA{0x16, 0x9c, 0xa8, 0xff}
	pink   = color.RGBA{0xd6, 0x40, 0x9f, 0xff}
	olive  = color.RGBA{0x8a, 0x96, 0x1c, 0xff}
	navy   = color.RGBA{0x1f, 0x2a, 0x6b, 0xff}
	wine   = color.RGBA{0x80, 0x1f, 0x3a, 0xff}
	gold   = color.RGBA{0xb8, 0x8a, 0x00, 0xff}
	moss   = color.RGBA{0x3f, 0x62, 0x12, 0xff}
	slate  = color.RGBA{0x5f, 0x6f, 0x84, 0xff}
)

var looks = map[string]look{
	"limit":            {ink, draw.PlusGlyph{}},
	"ring.SPSC":        {blue, draw.CircleGlyph{}},
	"ring.MPMC":        {orange, draw.SquareGlyph{}},
	"ring.Bytes":       {green, draw.TriangleGlyph{}},
	"ring.BytesMPMC":   {olive, draw.TriangleGlyph{}},
	"ring.Broadcast":   {wine, draw.CircleGlyph{}},
	"ring.WorkQueue":   {navy, draw.SquareGlyph{}},
	"shmnet.Conn":      {moss, draw.CircleGlyph{}},
	"shm.Lock":         {blue, draw.CircleGlyph{}},
	"shm.RWLock":       {wine, draw.CircleGlyph{}},
	"shm.Cond":         {gold, draw.CircleGlyph{}},
	"semaphore":        {orange, draw.SquareGlyph{}},
	"C.SPSC":           {gold, draw.CircleGlyph{}},
	"python.ring.SPSC": {slate, draw.CircleGlyph{}},
	"chan":             {teal, draw.RingGlyph{}},
	"sync.Mutex":       {teal, draw.RingGlyph{}},
	"sync.RWMutex":     {olive, draw.RingGlyph{}},
	"pipe":             {red, draw.BoxGlyph{}},
	"unix":             {violet, draw.PyramidGlyph{}},
	"tcp":              {brown, draw.CrossGlyph{}},
	"flock":            {brown, draw.CrossGlyph{}},
	"python.Pipe":      {pink, draw.PyramidGlyph{}},
	"python.Queue":     {pink, draw.PyramidGlyph{}},
	"python.Lock":      {pink, draw.PyramidGlyph{}},
}

// svg returns the chart as a file.
func (c chart) svg() ([]byte, error) {
	p := plot.New()
	p.BackgroundColor = color.Transparent
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Color, a.Tick.Color = ink, ink
		a.Tick.Label.Color, a.Tick.Label.Font = ink, chartText.Font
		a.Padding = 4
	}
	grid := plotter.NewGrid()
	faint := color.NRGBA{ink.R, ink.G, ink.B, 0x50}
	grid.Vertical.Color, grid.Horizontal.Color = faint, faint
	p.Add(grid)
	var xs, ys []float64
	for _, s := range c.series {
		line, glyphs, err := plotter.NewLinePoints(s.points)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", c.name, s.label, err)
		}
		line.LineStyle, glyphs.GlyphStyle = s.styles()
		p.Add(line, glyphs)
		for _, xy := range s.points {
			xs, ys = append(xs, xy.X), append(ys, xy.Y)
		}
	}
	c.x.scale(&p.X, xs)
	c.y.scale(&p.Y, ys)

	rows := c.legendRows()
	height := chartHeight + vg.Length(len(rows))*legendLine
	canvas := vgsvg.New(chartWidth, height)
	all := draw.New(canvas)
	below := vg.Length(len(rows)) * legendLine
	p.Draw(draw.Crop(all, 4, -6, below+labelLine+4, -labelLine))
	// The plot's own labels would stand on end, and take room as if the axes
	// were linear.
	all.FillText(chartText, vg.Point{X: 6, Y: height - 13}, c.y.label)
	all.FillText(chartText, vg.Point{X: (chartWidth - chartText.Width(c.x.label)) / 2, Y: below + 10}, c.x.label)
	c.drawLegend(all, rows)
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, err
	}
	return tidySVG(b.Bytes(), c.title), nil
}

func (s series) styles() (draw.LineStyle, draw.GlyphStyle) {
	l := looks[s.system]
	line := draw.LineStyle{Color: l.color, Width: 1.8}
	if s.dashed {
		line.Dashes = []vg.Length{4, 3}
	}
	return line, draw.GlyphStyle{Color: l.color, Radius: 2.6, Shape: l.glyph}
}

// scale fits the axis to values.
func (a axis) scale(axis *plot.Axis, values []float64) {
	low, high := slices.Min(values), slices.Max(values)
	axis.Tick.Marker = plot.ConstantTicks(a.ticks)
	if a.linear {
		return
	}
	axis.Scale = plot.LogScale{}
	if a.ticks != nil {
		axis.Min, axis.Max = low, high
		return
	}
	// Room for the outermost points, and for one labelled tick at least.
	axis.Min, axis.Max = low/1.3, high*1.3
	var ticks []plot.Tick
	wide := math.Log10(axis.Max / axis.Min)
	for power := math.Floor(math.Log10(axis.Min)); power <= math.Log10(axis.Max); power++ {
		for digit := 1.0; digit < 10; digit++ {
			tick := plot.Tick{Value: digit * math.Pow(10, power)}
			if tick.Value < axis.Min || tick.Value > axis.Max {
				continue
			}
			if digit == 1 || wide < 2 && (digit == 2 || digit == 5) {
				tick.Label = a.format(tick.Value)
			} else if wide >= 3 {
				continue // a grid that fine would only be grey
			}
			ticks = append(ticks, tick)
		}
	}
	axis.Tick.Marker = plot.ConstantTicks(ticks)
}

// Widths in a legend.
const (
	legendThumb = 22
	legendGap   = 14
)

// chartText is how charts are lettered.
var chartText = text.Style{
	Color:   ink,
	Font:    font.Font{Typeface: "Liberation", Variant: "Sans", Size: 12},
	Handler: plot.DefaultTextHandler,
}

// legendRows breaks the series into rows that are as wide as the chart.
func (c chart) legendRows() (rows [][]series) {
	left := vg.Length(0)
	for _, s := range c.series {
		width := legendThumb + chartText.Width(s.label) + legendGap
		if left < width {
			rows = append(rows, nil)
			left = chartWidth
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], s)
		left -= width
	}
	return rows
}

func (c chart) drawLegend(all draw.Canvas, rows [][]series) {
	for i, row := range rows {
		at := vg.Point{X: 6, Y: vg.Length(len(rows)-i)*legendLine - 10}
		for _, s := range row {
			line, glyph := s.styles()
			all.StrokeLine2(line, at.X, at.Y, at.X+16, at.Y)
			all.DrawGlyph(glyph, vg.Point{X: at.X + 8, Y: at.Y})
			all.FillText(chartText, vg.Point{X: at.X + legendThumb, Y: at.Y - 4}, s.label)
			at.X += legendThumb + chartText.Width(s.label) + legendGap
		}
	}
}

var fontFamily = regexp.MustCompile(`font-family:[^;"]*`)

// tidySVG makes a picture that scales with its page, uses the reader's fonts,
// and can be read out.
func tidySVG(svg []byte, title string) []byte {
	_, body, _ := strings.Cut(string(svg), "<svg ")
	_, body, _ = strings.Cut(body, "viewBox=")
	viewBox, body, _ := strings.Cut(body, "\n")
	_, body, _ = strings.Cut(body, ">")
	body = fontFamily.ReplaceAllString(body, "font-family:Helvetica,Arial,sans-serif")
	return fmt.Appendf(nil, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=%s role=\"img\">\n<title>%s</title>%s",
		viewBox, title, body)
}
