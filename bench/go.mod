module github.com/isthmus-go/isthmus/bench

go 1.26.0

require (
	github.com/HdrHistogram/hdrhistogram-go v1.4.0
	github.com/isthmus-go/isthmus v0.0.0
	golang.org/x/sys v0.49.0
)

require github.com/edsrzf/mmap-go v1.2.0 // indirect

replace github.com/isthmus-go/isthmus => ../
