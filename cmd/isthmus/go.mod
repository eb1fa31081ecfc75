module github.com/isthmus-go/isthmus/cmd/isthmus

go 1.26.0

require (
	github.com/isthmus-go/isthmus v0.0.0
	github.com/spf13/cobra v1.10.2
	github.com/spf13/pflag v1.0.9
	golang.org/x/sys v0.49.0
)

require (
	github.com/edsrzf/mmap-go v1.2.0 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
)

replace github.com/isthmus-go/isthmus => ../../
