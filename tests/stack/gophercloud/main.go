// gophercloud at work, for a comparison with examples/client_bench.rs: with its defaults, and 8 goroutines where it creates.
//
//	gophercloud list ENDPOINT           every node in full
//	gophercloud create ENDPOINT COUNT   so many nodes
//
// Prints {"rows", "seconds", "cpu_seconds", "rss_mib"}. Connecting and finding out the API version is not part of the times.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/apiversions"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/noauth"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/v1/nodes"
	"github.com/gophercloud/gophercloud/v2/pagination"
)

const inFlight = 8

// The newest version that a field of gophercloud's nodes asks for.
const microversion = "1.109"

type figures struct {
	Rows    int     `json:"rows"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"`
	RSS     float64 `json:"rss_mib"`
}

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	if len(arguments) < 2 {
		return fmt.Errorf("gophercloud list ENDPOINT | create ENDPOINT COUNT")
	}
	root, err := noauth.NewBareMetalNoAuth(noauth.EndpointOpts{IronicEndpoint: arguments[1]})
	if err != nil {
		return err
	}
	if _, err := apiversions.Get(ctx, root, "v1").Extract(); err != nil {
		return err
	}
	ironic, err := noauth.NewBareMetalNoAuth(noauth.EndpointOpts{IronicEndpoint: arguments[1] + "/v1"})
	if err != nil {
		return err
	}
	ironic.Microversion = microversion
	cpu, started := cpuSeconds(), time.Now()
	rows, err := work(ctx, ironic, arguments)
	if err != nil {
		return err
	}
	seconds, cpu := time.Since(started).Seconds(), cpuSeconds()-cpu
	rss, err := rssMiB()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(figures{rows, seconds, cpu, rss})
}

func work(ctx context.Context, ironic *gophercloud.ServiceClient, arguments []string) (int, error) {
	switch {
	case arguments[0] == "list":
		return list(ctx, ironic)
	case arguments[0] == "create" && len(arguments) == 3:
		count, err := strconv.Atoi(arguments[2])
		if err != nil {
			return 0, err
		}
		return create(ctx, ironic, count)
	default:
		return 0, fmt.Errorf("no such work: %v", arguments)
	}
}

// Row by row, none kept. The pager looks for "nodes_links", while Ironic says "next": it ends behind the first page, so
// that each page is asked for on its own.
func list(ctx context.Context, ironic *gophercloud.ServiceClient) (int, error) {
	rows := 0
	options := nodes.ListOpts{}
	for {
		last, more := "", false
		page := func(_ context.Context, page pagination.Page) (bool, error) {
			found, err := nodes.ExtractNodes(page)
			if err != nil {
				return false, err
			}
			for _, node := range found {
				if node.UUID != "" {
					rows++
				}
				last = node.UUID
			}
			var link struct {
				Next string `json:"next"`
			}
			err = page.(nodes.NodePage).ExtractInto(&link)
			more = link.Next != ""
			return true, err
		}
		if err := nodes.ListDetail(ironic, options).EachPage(ctx, page); err != nil {
			return rows, err
		}
		if !more {
			return rows, nil
		}
		options.Marker = last
	}
}

func create(ctx context.Context, ironic *gophercloud.ServiceClient, count int) (int, error) {
	numbers := make(chan int)
	results := make(chan error, count)
	var workers sync.WaitGroup
	for range inFlight {
		workers.Go(func() {
			for number := range numbers {
				options := nodes.CreateOpts{Name: fmt.Sprintf("client-%04d", number), Driver: "fake-hardware"}
				_, err := nodes.Create(ctx, ironic, options).Extract()
				results <- err
			}
		})
	}
	for number := range count {
		numbers <- number
	}
	close(numbers)
	workers.Wait()
	close(results)
	created := 0
	for err := range results {
		if err != nil {
			return created, err
		}
		created++
	}
	return created, nil
}

// Processor time of all threads so far.
func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

// The most memory that was ever resident.
func rssMiB() (float64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kilobytes, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kilobytes / 1024, err
		}
	}
	return 0, fmt.Errorf("no VmHWM in /proc/self/status")
}
